/** A key pair as Nix writes it: a name, a colon and base 64. `publicKey` goes into `trusted-public-keys`. */
export type SigningKey = { readonly secretKey: string; readonly publicKey: string }
