//! The certificate of a gateway that was started without one: `sluicegate dev` and `sluicegate demo`.
//!
//! It is made so that a browser takes it for WebTransport by its hash alone, with nothing installed: ECDSA on P-256 and
//! valid for at most two weeks. Source: <https://www.w3.org/TR/webtransport/#custom-certificate-requirements>.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use time::{Duration, OffsetDateTime};

/// The names by which a program on the same machine reaches the gateway.
pub const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Whole life of a certificate. Browsers refuse a hash for one that lives longer than 14 days.
const LIFETIME: Duration = Duration::days(13);

/// How long before it was made a certificate already counts as valid, for clients whose clock is behind.
const CLOCK_SKEW: Duration = Duration::hours(1);

/// A self-signed certificate for development. It is made anew at every start and lives in memory only.
pub struct DevCertificate {
    /// The certificate alone: nobody has signed it but itself.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key, PKCS#8.
    pub key: PrivateKeyDer<'static>,
    /// SHA-256 of the certificate's DER, which browsers want in `serverCertificateHashes`.
    pub sha256: [u8; 32],
    /// The certificate as PEM, for `curl --cacert` and `grpcurl -cacert`.
    pub pem: String,
    /// The private key as PEM.
    pub key_pem: String,
}

impl DevCertificate {
    /// Makes a certificate for `hosts`: DNS names or IP addresses. Fails if one of them is neither.
    pub fn generate<'a>(hosts: impl IntoIterator<Item = &'a str>) -> Result<DevCertificate, rcgen::Error> {
        let mut params = CertificateParams::new(hosts.into_iter().map(String::from).collect::<Vec<_>>())?;
        params.not_before = OffsetDateTime::now_utc() - CLOCK_SKEW;
        params.not_after = params.not_before + LIFETIME;
        params.distinguished_name.push(DnType::CommonName, "sluicegate development certificate");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];

        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.self_signed(&key)?;
        let digest = ring::digest::digest(&ring::digest::SHA256, certificate.der());
        let mut sha256 = [0; 32];
        for (byte, digested) in sha256.iter_mut().zip(digest.as_ref()) {
            *byte = *digested;
        }
        Ok(DevCertificate {
            pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            chain: vec![certificate.der().clone()],
            key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            sha256,
        })
    }

    /// [`sha256`](Self::sha256) in base64, as the demo page reads it.
    pub fn sha256_base64(&self) -> String {
        STANDARD.encode(self.sha256)
    }
}

impl fmt::Debug for DevCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not derived: a key does not belong in a log.
        f.debug_struct("DevCertificate").field("sha256", &self.sha256_base64()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::{ServerName, UnixTime};
    use rustls::sign::CertifiedKey;

    use super::*;

    /// The two times of the certificate's validity: UTCTime, `YYMMDDhhmmssZ`, is used by X.509 up to 2049.
    fn validity(der: &[u8]) -> Vec<OffsetDateTime> {
        let number = |two: &[u8]| std::str::from_utf8(two).unwrap().parse::<u8>().unwrap();
        der.windows(15)
            .filter(|window| window.starts_with(&[0x17, 13]) && window.ends_with(b"Z"))
            .map(|window| {
                let at = |index: usize| number(&window[2 + index * 2..4 + index * 2]);
                time::Date::from_calendar_date(2000 + i32::from(at(0)), at(1).try_into().unwrap(), at(2))
                    .unwrap()
                    .with_hms(at(3), at(4), at(5))
                    .unwrap()
                    .assume_utc()
            })
            .collect()
    }

    #[test]
    fn is_valid_now_and_for_less_than_two_weeks() {
        let certificate = DevCertificate::generate(LOOPBACK).unwrap();
        let [from, until] = validity(&certificate.chain[0])[..] else { panic!("two times expected") };
        let now = OffsetDateTime::now_utc();
        assert!(from < now && now + Duration::days(12) < until, "{from} to {until}");
        assert!(until - from < Duration::days(14));
    }

    #[test]
    fn is_named_by_the_hash_of_its_der() {
        let certificate = DevCertificate::generate(LOOPBACK).unwrap();
        let digest = ring::digest::digest(&ring::digest::SHA256, &certificate.chain[0]);
        assert_eq!(digest.as_ref(), certificate.sha256);
        assert_eq!(STANDARD.decode(certificate.sha256_base64()).unwrap(), certificate.sha256);
        let other = DevCertificate::generate(LOOPBACK).unwrap();
        assert_ne!(other.sha256, certificate.sha256, "every start has its own key");
    }

    #[test]
    fn has_a_p256_key_and_stands_for_its_hosts_only() {
        let provider = rustls::crypto::ring::default_provider();
        let certificate = DevCertificate::generate(LOOPBACK).unwrap();
        let signer =
            CertifiedKey::from_der(certificate.chain.clone(), certificate.key.clone_key(), &provider)
                .unwrap();
        assert_eq!(signer.key.algorithm(), rustls::SignatureAlgorithm::ECDSA);
        // The identifier of P-256, 1.2.840.10045.3.1.7, in the public key's algorithm.
        let p256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
        assert!(certificate.chain[0].windows(p256.len()).any(|window| window == p256));

        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate.chain[0].clone()).unwrap();
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(provider)).build().unwrap();
        let verify = |host: &str| {
            let name = ServerName::try_from(host.to_owned()).unwrap();
            verifier.verify_server_cert(&certificate.chain[0], &[], &name, &[], UnixTime::now())
        };
        for host in LOOPBACK {
            verify(host).unwrap();
        }
        verify("example.com").unwrap_err();
    }

    #[test]
    fn refuses_what_is_not_a_host_and_hides_its_key() {
        DevCertificate::generate(["ünïcode"]).unwrap_err();
        let certificate = DevCertificate::generate(["localhost"]).unwrap();
        assert!(certificate.key_pem.contains("PRIVATE KEY"));
        assert!(!format!("{certificate:?}").contains("PRIVATE"));
    }
}
