import { debianPackages, type Packages, withNeeds } from './debian.ts'

/**
 * A list of packages that a user could want in an image, spare packages to add to it, and everything that they need.
 */
export type Corpus = {
  readonly name: string
  readonly listed: readonly string[]
  readonly spare: readonly string[]
  readonly packages: Packages
}

/** The constants of `src/layers/stable-layers.ts` were tuned on sequences of these lists. */
const tuned = {
  server: {
    listed: 'nginx postgresql-15 redis-server curl git openssh-client rsync jq vim tcpdump gnupg php8.2-fpm htop nmap',
    spare: 'haproxy memcached mariadb-client socat strace tmux bind9-dnsutils ldap-utils squid fish',
  },
  python: {
    listed: 'python3-pandas python3-sklearn python3-matplotlib python3-requests python3-sqlalchemy python3-django git',
    spare: 'python3-pil python3-lxml python3-flask python3-psycopg2 python3-h5py python3-boto3 python3-zmq ipython3',
  },
  build: {
    listed: 'gcc g++ cmake ninja-build git python3 clang-14 gdb make autoconf pkgconf ccache rustc golang-go nodejs',
    spare: 'meson bison flex valgrind subversion lldb-14 doxygen swig gfortran mercurial cargo openjdk-17-jre-headless',
  },
  desktop: {
    listed: 'inkscape ffmpeg imagemagick graphviz gnuplot-nox octave r-base-core texlive-latex-base ghostscript git',
    spare: 'gimp pandoc vlc-bin poppler-utils audacity gdal-bin qgis-common scribus mpv evince blender librsvg2-bin',
  },
}

/** Nobody looked at results for these lists before the constants were fixed. */
const heldOut = {
  mail: {
    listed: 'postfix dovecot-imapd rspamd clamav fetchmail mutt opendkim sa-compile swaks s-nail git curl',
    spare: 'amavisd-new procmail isync msmtp notmuch mailutils pflogsumm certbot',
  },
  web: {
    listed:
      'apache2 php-cli php-mysql php-gd mariadb-server memcached ruby-rails imagemagick composer git redis-server',
    spare: 'varnish php-xml php-intl ruby-nokogiri nodejs ffmpeg sqlite3 libapache2-mod-php webp optipng jq lighttpd',
  },
  docs: {
    listed: 'texlive-latex-extra pandoc python3-sphinx asciidoctor graphviz doxygen latexmk git make poppler-utils',
    spare:
      'inkscape librsvg2-bin plantuml gnuplot-nox lyx dblatex aspell qpdf img2pdf mkdocs ditaa weasyprint hunspell',
  },
  haskell: {
    listed: 'ghc cabal-install hlint git make happy alex',
    spare: 'pandoc ormolu haskell-stack shellcheck darcs agda',
  },
}

export const corpora = (kind: 'tuned' | 'held out'): Corpus[] => {
  const all = debianPackages()
  return Object.entries(kind === 'tuned' ? tuned : heldOut).map(([name, lists]) => {
    const [listed, spare] = [lists.listed.split(' '), lists.spare.split(' ')]
    return { name, listed, spare, packages: withNeeds([...listed, ...spare], all) }
  })
}
