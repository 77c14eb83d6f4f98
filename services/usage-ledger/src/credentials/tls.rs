//! Certificates for NATS servers, signed by an authority of the ledger's own.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use super::{CredentialsError, Folder};

/// The authority's certificate, which clients trust.
pub(super) const CA: &str = "tls/ca.pem";
const CA_KEY: &str = "tls/ca.key";
/// The servers' certificate and key.
pub(super) const SERVER: &str = "tls/server.pem";
pub(super) const SERVER_KEY: &str = "tls/server.key";

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn authority() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = named("usage-ledger NATS authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn server(hosts: &[String]) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(hosts.to_vec())?;
    params.distinguished_name = named("usage-ledger NATS server");
    // Servers of a cluster are each other's clients.
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

/// Makes the authority, unless it is there, and a certificate for servers of these names, unless it is there.
pub(super) fn make(folder: &Folder, hosts: &[String]) -> Result<(), CredentialsError> {
    let failed = |error: rcgen::Error| CredentialsError::Certificate(error.to_string());
    if folder.has(SERVER) && folder.has(SERVER_KEY) {
        return Ok(());
    }
    let authority_key = match folder.read(CA_KEY)? {
        Some(pem) => KeyPair::from_pem(&pem).map_err(failed)?,
        None => {
            let key = KeyPair::generate().map_err(failed)?;
            let certificate = authority().and_then(|params| params.self_signed(&key)).map_err(failed)?;
            folder.write(CA_KEY, &key.serialize_pem())?;
            folder.write(CA, &certificate.pem())?;
            key
        }
    };
    let issuer = Issuer::new(authority().map_err(failed)?, authority_key);
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = server(hosts).and_then(|params| params.signed_by(&key, &issuer)).map_err(failed)?;
    folder.write(SERVER_KEY, &key.serialize_pem())?;
    folder.write(SERVER, &certificate.pem())
}

/// The lines of a server's configuration.
pub(super) fn config(folder: &Path) -> String {
    let path = |name: &str| folder.join(name).display().to_string();
    format!(
        "tls {{\n  cert_file: \"{}\"\n  key_file: \"{}\"\n  ca_file: \"{}\"\n}}\n",
        path(SERVER),
        path(SERVER_KEY),
        path(CA)
    )
}
