//! The files of a listener's TLS, and reading them all at once.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{BadCertificate, Certificate, Clients, ServerTls, Validity, roots};

/// Reads that begin anew because a file changed meanwhile. Whoever writes that often is asked again later.
const READS: usize = 8;

/// Where the TLS of a listener is read from.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate chain, the server's own certificate first.
    pub(crate) cert: PathBuf,
    /// The key to it.
    pub(crate) key: PathBuf,
    /// The authorities that vouch for clients, and whether a client must show a certificate; `None` asks for none.
    pub(crate) clients: Option<(PathBuf, bool)>,
    /// Whether TLS for QUIC is wanted too.
    pub(crate) quic: bool,
    /// What they held just before they were first read.
    pub(crate) planned: Fingerprint,
}

/// What files held, told from what they held before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fingerprint(u64);

/// Why files make no TLS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadFiles {
    #[error(transparent)]
    Certificate(#[from] BadCertificate),
    #[error("the authorities cannot be read from {path}: {reason}")]
    Authorities { path: String, reason: String },
    #[error("they change faster than they can be read")]
    Restless,
}

impl TlsFiles {
    /// These files, as they are before they are read for the first time.
    pub(crate) fn new(cert: PathBuf, key: PathBuf, clients: Option<(PathBuf, bool)>, quic: bool) -> TlsFiles {
        let mut files = TlsFiles { cert, key, clients, quic, planned: Fingerprint::default() };
        files.planned = files.fingerprint();
        files
    }

    /// All files.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        [&self.cert, &self.key]
            .into_iter()
            .chain(self.clients.as_ref().map(|(ca, _)| ca))
            .map(PathBuf::as_path)
    }

    /// What the files hold. One that cannot be read is like an empty one: reading it for use tells why.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let mut hasher = DefaultHasher::new();
        for path in self.paths() {
            std::fs::read(path).ok().hash(&mut hasher);
        }
        Fingerprint(hasher.finish())
    }

    /// What the files make together, all as they were at one moment: none changed while the others were read.
    pub(crate) fn read(&self) -> (Fingerprint, Result<ServerTls, BadFiles>) {
        let mut before = self.fingerprint();
        for _ in 0..READS {
            let made = self.make();
            let after = self.fingerprint();
            if after == before {
                return (after, made);
            }
            before = after;
        }
        (before, Err(BadFiles::Restless))
    }

    fn make(&self) -> Result<ServerTls, BadFiles> {
        let certificate = Certificate::from_files(&self.cert, &self.key)?.check()?;
        let clients = match &self.clients {
            None => Clients::any(),
            Some((ca, required)) => Clients::from_file(ca, *required)?,
        };
        Ok(ServerTls::new(&certificate, &clients, self.quic)?)
    }
}

impl Clients {
    /// Clients with a certificate for which one of the authorities in a PEM file vouches, and unless that is `required`
    /// also those without any.
    pub(crate) fn from_file(ca: &Path, required: bool) -> Result<Clients, BadFiles> {
        roots(Some(ca))
            .and_then(|authorities| Clients::vouched_for(authorities, required))
            .map_err(|reason| BadFiles::Authorities { path: ca.display().to_string(), reason })
    }
}

impl Validity {
    /// What an operator should know about the lifetime of a certificate, and what to do. It is served all the same:
    /// clients that do not look at it lose nothing, and a gateway that does not start serves nobody.
    pub(crate) fn doubts(&self, now: SystemTime) -> Option<(&'static str, &'static str)> {
        use std::time::Duration;
        /// Renewal is usually due at a third of 90 days; below this it has probably failed.
        const SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);
        let renew = "renew it: new files are read as soon as they are there";
        match self.until.duration_since(now) {
            _ if self.from > now => {
                Some(("this certificate is not valid yet", "check the clock of this machine"))
            }
            Err(_) => Some(("this certificate has expired", renew)),
            Ok(left) if left < SOON => Some(("this certificate expires within two weeks", renew)),
            Ok(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A new certificate and its key, in PEM.
    fn generate() -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["gateway.example.com".to_owned()]).unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    /// What comes of these files, and of the same again.
    fn check(cert: &str, key: &str, ca: Option<&str>, expected: Result<(), &str>) -> Fingerprint {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (name, text) in [("cert", Some(cert)), ("key", Some(key)), ("ca", ca)] {
            if let Some(text) = text {
                std::fs::write(at(name), text).unwrap();
            }
        }
        let clients = ca.map(|_| (at("ca"), true));
        let files = TlsFiles::new(at("cert"), at("key"), clients, true);
        let (fingerprint, read) = files.read();
        match (&read, expected) {
            (Ok(_), Ok(())) => {}
            (Err(bad), Err(expected)) => assert!(bad.to_string().contains(expected), "{bad}"),
            _ => panic!("{read:?}, not {expected:?}"),
        }
        assert_eq!(files.read().0, fingerprint);
        fingerprint
    }

    #[test]
    fn takes_files_that_belong_together() {
        let ((cert, key), (other, other_key)) = (generate(), generate());
        let one = check(&cert, &key, None, Ok(()));
        let two = check(&other, &other_key, None, Ok(()));
        let three = check(&cert, &key, Some(&other), Ok(()));
        assert!(one != two && one != three && two != three);
        check(&cert, &other_key, None, Err("does not belong"));
        check("", &key, None, Err("no certificate in PEM"));
        check(&cert, "", None, Err("no private key in PEM"));
        check(&cert[..cert.len() / 2], &key, None, Err("cannot be read"));
        check(&cert, &key[..key.len() / 2], None, Err("cannot be read"));
        check(&cert, &key, Some(""), Err("the authorities cannot be read"));
    }

    #[test]
    fn doubts_certificates_in_time() {
        let day = |day: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(day * 24 * 60 * 60);
        let validity = Validity { from: day(100), until: day(200) };
        let check = |now: u64, expected: Option<&str>| {
            assert_eq!(validity.doubts(day(now)).map(|(what, _)| what), expected, "day {now}");
        };
        check(99, Some("this certificate is not valid yet"));
        check(100, None);
        check(186, None);
        check(187, Some("this certificate expires within two weeks"));
        check(201, Some("this certificate has expired"));
    }
}
