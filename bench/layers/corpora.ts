import { debianPackages, type Packages, withNeeds } from './debian.ts'

/** A list of packages that somebody could want in an image, and some more to add to it, with all that they need. */
export type Corpus = {
  readonly name: string
  readonly listed: readonly string[]
  readonly spare: readonly string[]
  readonly packages: Packages
}

const lists = {
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

export const corpora = (): Corpus[] => {
  const all = debianPackages()
  return Object.entries(lists).map(([name, lists]) => {
    const [listed, spare] = [lists.listed.split(' '), lists.spare.split(' ')]
    return { name, listed, spare, packages: withNeeds([...listed, ...spare], all) }
  })
}
