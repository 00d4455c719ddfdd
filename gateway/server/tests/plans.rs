//! Every file of `tests/plans` is a configuration and, after a line of dashes, the report that planning it gives.
//! Every file of `conf` is a configuration without problems.
//!
//! `BLESS=1 cargo test -p sluicegate-server --test plans` writes the reports anew.

// A test may fail loudly, and so may what it is made of.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use proptest::prelude::*;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;
use sluicegate_core::filter::{Filter, Setup};
use sluicegate_core::metrics::FilterMetrics;
use sluicegate_core::problem::Problem;
use sluicegate_core::registry::Kind;
use sluicegate_server::plan::{self, ClusterSpec, Listener, Origins, Plan, Sources};
use sluicegate_server::report::Report;
use sluicegate_server::tls::Certificate;

const DASHES: &str = "----------\n";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn reports_are_as_written() {
    let tls = TlsFolder::new();
    let mut wrong = Vec::new();
    let mut cases = 0;
    for path in toml_files(&repository().join("tests/plans")) {
        let whole = fs::read_to_string(&path).unwrap();
        let (text, expected) = whole.split_once(DASHES).unwrap_or((&whole, ""));
        let report = match from_text("gateway.toml", text, tls.path(), &[Kind::of::<Quota>()]) {
            Ok((_, report)) | Err(report) => report,
        };
        let found = report.to_string().replace(&tls.path().display().to_string(), "DIR");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, format!("{text}{DASHES}{found}")).unwrap();
        } else if found != expected {
            wrong.push(format!("{}\n--- expected\n{expected}--- found\n{found}", path.display()));
        }
        cases += 1;
    }
    assert!(cases > 10, "only {cases} cases were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn shipped_configurations_have_no_problems() {
    let tls = TlsFolder::new();
    let metrics = FilterMetrics::detached();
    let sources = Sources { kinds: sluicegate_filters::ALL, metrics: &metrics, self_signed: None };
    let conf = repository().join("conf");
    let mut files = toml_files(&conf);
    files.extend(toml_files(&conf.join("examples")));
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        let copy = tls.path().join(file.file_name().unwrap());
        fs::copy(&file, &copy).unwrap();
        match plan::load(&copy, &sources) {
            Ok((_, report)) => assert!(report.is_empty(), "{report}"),
            Err(report) => panic!("{report}"),
        }
    }
}

/// A reference that says another default than the code has would be worse than none.
#[test]
fn the_annotated_configuration_states_the_defaults() {
    let tls = TlsFolder::new();
    let annotated = fs::read_to_string(repository().join("conf/sluicegate.toml")).unwrap();
    // Every line that states a default carries this word; without them, the plan must stay the same.
    let without: String =
        annotated.lines().filter(|line| !line.contains("# default")).flat_map(|line| [line, "\n"]).collect();
    assert!(annotated.lines().count() > without.lines().count() + 30);
    let plan =
        |text: &str| from_text("sluicegate.toml", text, tls.path(), sluicegate_filters::ALL).unwrap().0;
    let shape = |plan: &Plan| {
        let listeners = plan.listeners.iter().map(|one| {
            let tickets = one.tickets.as_ref().map(|tickets| (tickets.required, tickets.lifetime));
            format!("{:?}", (&one.h2c, &one.webtransport, tickets, &one.limits))
        });
        // What TLS was made of has no readable form.
        let clusters =
            plan.clusters.iter().map(|one| format!("{:?}", ClusterSpec { tls: None, ..(**one).clone() }));
        let routes = plan.routes.routes().iter().map(|one| {
            let messages = (one.max_request_message, one.max_response_message);
            format!("{:?}", (&one.name, &one.clusters, one.timeout, one.idle_timeout, messages))
        });
        let process = format!("{:?}", (plan.drain_timeout, &plan.access_log));
        [process].into_iter().chain(listeners).chain(clusters).chain(routes).collect::<Vec<_>>()
    };
    assert_eq!(shape(&plan(&annotated)), shape(&plan(&without)));
}

#[test]
fn a_missing_file_is_a_problem() {
    let metrics = FilterMetrics::detached();
    let sources = Sources { kinds: &[], metrics: &metrics, self_signed: None };
    let report = plan::load(Path::new("no/such/gateway.toml"), &sources).unwrap_err();
    let expected = "error: no/such/gateway.toml cannot be read: ";
    assert!(report.to_string().starts_with(expected), "{report}");
    assert_eq!((report.errors(), report.warnings()), (1, 0));
}

#[test]
fn a_certificate_may_be_given_instead_of_files() {
    let (chain, key) = certificate(2020, 2120);
    let self_signed = Some(Certificate {
        chain: vec![CertificateDer::from_pem_slice(chain.as_bytes()).unwrap()],
        key: PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
    });
    let metrics = FilterMetrics::detached();
    let sources = Sources { kinds: &[], metrics: &metrics, self_signed };
    let text = "
        listeners = [
          { listen = \"127.0.0.1:0\", tls = { self_signed = true }, quic = true, webtransport = {} },
          { listen = \"127.0.0.1:0\", tls = { self_signed = true } },
          { listen = \"127.0.0.1:0\" },
        ]";
    let (plan, _) = plan::from_text("code", text, Path::new(""), &sources).unwrap();
    let shape = |one: &Listener| (one.tls.is_some(), one.quic.is_some(), one.webtransport.is_some(), one.h2c);
    let shapes: Vec<_> = plan.listeners.iter().map(shape).collect();
    assert_eq!(shapes, [(true, true, true, false), (true, false, false, false), (false, false, false, true)]);
    assert!(plan.listeners[0].tls.as_ref().is_some_and(|tls| tls.validity.until > SystemTime::now()));
    assert_eq!(plan.listeners[0].webtransport.as_ref().unwrap().origins, Origins::SameHost);
    assert!(plan.workers > 0);
}

/// A valid configuration with most keys in it, to be mutated.
const SEED: &str = include_str!("seed.toml");

/// What a listener offers depends on the clusters too.
#[test]
fn routes_of_sessions_are_enough_to_offer_them() {
    let tls = TlsFolder::new();
    let check = |listener: &str, protocols: &[&str], webtransport: bool, websocket_over_h2: bool| {
        let clusters = protocols.iter().map(|protocol| {
            format!(
                "[[routes]]\ncluster = '{protocol}'\n[[clusters]]\nname = '{protocol}'\nprotocol = '{protocol}'\n\
                 endpoints = ['https://a']\n"
            )
        });
        let text = format!(
            "[[listeners]]\nlisten = '127.0.0.1:0'\ntls = {{ cert = 'tls/cert.pem', key = 'tls/key.pem' }}\n\
             {listener}\n{}",
            clusters.collect::<String>()
        );
        let (plan, _) = from_text("test", &text, tls.path(), &[]).unwrap_or_else(|report| panic!("{report}"));
        let offered = (plan.listeners[0].offers_webtransport, plan.listeners[0].websocket_over_h2);
        assert_eq!(offered, (webtransport, websocket_over_h2), "{listener} {protocols:?}");
    };
    check("quic = true", &["grpc"], false, false);
    check("quic = true", &["grpc", "webtransport"], true, false);
    check("", &["grpc", "webtransport"], false, false);
    check("quic = true\nwebtransport = {}", &["grpc"], true, false);
    check("", &["grpc", "websocket"], false, true);
    check("", &["grpc", "websocket", "http"], false, false);
    check("websocket = {}", &["grpc"], false, true);
    check("websocket = { over_h2 = true }", &["http"], false, true);
    check("websocket = { over_h2 = false }", &["websocket"], false, false);
}

#[test]
fn the_seed_of_mutations_is_valid() {
    let report =
        from_text("seed.toml", SEED, Path::new("."), &[Kind::of::<Quota>()]).map(|(_, report)| report);
    assert!(report.is_ok_and(|report| report.is_empty()));
}

#[test]
fn a_huge_value_gives_a_short_report() {
    for template in
        ["drain_timeout = \"X\"", "X = 1", "[admin]\nlisten = \"X\"", "[[routes]]\ncluster = \"X\"", "a = X"]
    {
        let text = template.replace('X', &"x".repeat(1 << 20));
        let report = from_text("huge.toml", &text, Path::new("."), &[]).unwrap_err().to_string();
        assert!(report.len() < 5_000, "{} bytes for {template}", report.len());
    }
}

#[test]
fn deep_nesting_is_a_problem() {
    for (open, close) in [("[", "]"), ("{ a = ", " }")] {
        let text = format!("workers = {}1{}", open.repeat(10_000), close.repeat(10_000));
        let report = from_text("deep.toml", &text, Path::new("."), &[]).unwrap_err();
        assert!(
            report.errors() > 0 && report.to_string().len() < 50_000,
            "{} bytes",
            report.to_string().len()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_planned_or_reported(text in "(?s).{0,200}") {
        survives(&text);
    }

    #[test]
    fn any_toml_is_planned_or_reported(
        lines in proptest::collection::vec(
            "(\\[\\[?(listeners|routes|clusters|admin|routes\\.filters|clusters\\.descriptors|listeners\\.limits(\\.h2|\\.quic)?)\\]\\]?|\
             (listen|tls|name|hosts|services|methods|headers|cluster|clusters|timeout|filters|use|endpoints|workers|\
             webtransport|quic|max_request_message|path_prefix|descriptors|json|file|protos|reflection|refresh) = \
             (-?[0-9]{1,20}|\"[a-z*./:\\[\\]é]{0,8}\"|true|nan|1979-05-27|\\[\\]|\\{\\}|\\[\"\", \"\\*\"\\]|\
             \\{ use = \"quota\" \\}|\\[\\{ use = \"quota\", key = \"é\" \\}\\]))",
            0..12,
        )
    ) {
        survives(&lines.join("\n"));
    }

    #[test]
    fn any_mutation_is_planned_or_reported(
        cuts in proptest::collection::vec((any::<proptest::sample::Index>(), 0usize..30, "[\\[\\]{}\"'=.,#\\-\n a-z0-9é]{0,6}"), 1..4)
    ) {
        let mut text = SEED.to_owned();
        for (at, length, insert) in cuts {
            let start = text.floor_char_boundary(at.index(text.len()));
            let end = text.ceil_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end, &insert);
        }
        survives(&text);
    }
}

/// Plans a text. A report must be consistent with itself, and each of its places within the text.
fn survives(text: &str) {
    match from_text("any.toml", text, Path::new("/nonexistent"), &[Kind::of::<Quota>()]) {
        Ok((plan, report)) => {
            assert_eq!(report.errors(), 0);
            assert!(!plan.listeners.is_empty());
            assert!(
                plan.routes
                    .routes()
                    .iter()
                    .all(|route| route.clusters.indexes().all(|index| index < plan.clusters.len()))
            );
            report.to_string();
        }
        Err(report) => {
            assert!(report.errors() > 0);
            for span in report.findings().iter().filter_map(|finding| finding.span.clone()) {
                assert!(span.start <= span.end && span.end <= text.len(), "{span:?} of {}", text.len());
            }
            assert!(report.to_string().contains("error: "));
        }
    }
}

fn from_text(name: &str, text: &str, folder: &Path, kinds: &[Kind]) -> Result<(Plan, Report), Report> {
    let metrics = FilterMetrics::detached();
    plan::from_text(name, text, folder, &Sources { kinds, metrics: &metrics, self_signed: None })
}

fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    files
}

/// A folder with the files that configurations refer to.
struct TlsFolder(tempfile::TempDir);

impl TlsFolder {
    fn new() -> TlsFolder {
        let folder = TlsFolder(tempfile::tempdir().unwrap());
        let tls = folder.path().join("tls");
        fs::create_dir(&tls).unwrap();
        let write = |name: &str, text: &str| fs::write(tls.join(name), text).unwrap();
        let (cert, key) = certificate(2020, 2120);
        write("cert.pem", &cert);
        write("key.pem", &key);
        write("ca.pem", &cert);
        write("expired.pem", &certificate_for(&key, 2001, 2002));
        write("future.pem", &certificate_for(&key, 2120, 2130));
        write("other_key.pem", &certificate(2020, 2120).1);
        write("garbage.pem", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n");
        write("no_x509.pem", "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n");
        write("empty.pem", "");
        folder.write_descriptors();
        folder
    }

    /// Services as files tell of them, in all ways that are right and wrong.
    fn write_descriptors(&self) {
        let write = |name: &str, text: &[u8]| {
            let path = self.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let service = "syntax = 'proto3';\npackage chat.v1;\nimport 'chat/v1/message.proto';\nservice Chat { rpc Say(Line) returns (Line); }\n";
        write("proto/chat/v1/chat.proto", service.as_bytes());
        write(
            "proto/chat/v1/message.proto",
            b"syntax = 'proto3';\npackage chat.v1;\nmessage Line { string text = 1; }\n",
        );
        write("proto_bad/a.proto", b"syntax = 'proto3';\nmessage A {\n  strin name = 1;\n}\n");
        write("proto_bad/b.proto", b"syntax = 'proto3';\nimport 'a.proto';\n");
        write("proto_bad/c.proto", b"syntax = 'proto3'\nservice C {}\n");
        write("proto_bad/d.proto", b"syntax = 'proto3';\nimport 'nowhere.proto';\n");
        write("proto_dull/message.proto", b"syntax = 'proto3';\nmessage Line { string text = 1; }\n");
        let rest = "syntax = 'proto3';\nimport 'google/api/annotations.proto';\nmessage Line { string text = 1; }\nservice Chat {\n\
            rpc Say(Line) returns (Line) { option (google.api.http) = { get: '/v1/lines/{text}' }; }\n\
            rpc Ask(Line) returns (Line) { option (google.api.http) = { get: '/v1/lines/{text}' }; }\n\
            rpc Cry(Line) returns (Line) { option (google.api.http) = { get: '/v1/{loud}' }; }\n}\n";
        write("proto_rest/chat.proto", rest.as_bytes());
        fs::create_dir(self.path().join("proto_empty")).unwrap();

        let mut compiler = protox::Compiler::new([self.path().join("proto")]).unwrap();
        compiler.open_file("chat/v1/chat.proto").unwrap();
        write("chat_alone.binpb", &compiler.encode_file_descriptor_set());
        write("chat.binpb", &compiler.include_imports(true).encode_file_descriptor_set());
        write("garbage.binpb", b"syntax = 'proto3';");
        write("empty.binpb", b"");
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

fn certificate(from: i32, until: i32) -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    (certificate_for(&key, from, until), key)
}

fn certificate_for(key: &str, from: i32, until: i32) -> String {
    let mut params = rcgen::CertificateParams::new(vec!["gateway.example.com".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    params.self_signed(&rcgen::KeyPair::from_pem(key).unwrap()).unwrap().pem()
}

/// A filter with enough keys to get wrong.
struct Quota;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // Only reading it is tested.
struct QuotaConfig {
    calls: std::num::NonZeroU32,
    #[serde(default)]
    keys: Vec<QuotaKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct QuotaKey {
    value: String,
}

impl Filter for Quota {
    const NAME: &'static str = "quota";
    type Config = QuotaConfig;
    type State = ();

    fn new(config: QuotaConfig, _setup: &mut Setup<'_>) -> Result<Quota, Problem> {
        match config.keys.iter().position(|key| key.value.len() < 3) {
            Some(short) => {
                Err(Problem::new(format!("keys[{short}].value"), "a key needs 3 characters or more")
                    .with_hint("keys are guessed"))
            }
            None if config.calls.get() == 13 => Err(Problem::new("calls", "13 brings bad luck")),
            None => Ok(Quota),
        }
    }
}
