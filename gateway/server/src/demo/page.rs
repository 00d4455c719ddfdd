//! The page of the demo: a few static files that the gateway carries inside itself, and the settings they read.
//!
//! The files are built from `clients/demo`, whose README says how.

use serde::Serialize;

use super::message::PROTO;

/// Where the page reads its [`Settings`].
pub const SETTINGS_PATH: &str = "/demo/config.json";

/// `content-type` of [`Settings::to_json`].
pub const SETTINGS_TYPE: &str = "application/json";

/// What the page may load and connect to: `content-security-policy` for every answer of [`respond`].
///
/// The page takes nothing from other sites. `https:` is for its WebTransport sessions, which have another port, and the
/// schemes of WebSockets stand there because not every browser takes `'self'` for them too.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self' https: ws: wss:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The `content-type` and the bytes of the page's file at `path`, if it has one there.
pub fn respond(path: &str) -> Option<(&'static str, &'static [u8])> {
    const HTML: &str = "text/html; charset=utf-8";
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    const STYLE: &str = "text/css; charset=utf-8";
    const TEXT: &str = "text/plain; charset=utf-8";
    const IMAGE: &str = "image/svg+xml";
    let (content_type, text) = match path {
        "/" => (HTML, include_str!("page/index.html")),
        "/demo/app.js" => (SCRIPT, include_str!("page/app.js")),
        "/demo/style.css" => (STYLE, include_str!("page/style.css")),
        "/demo/icon.svg" => (IMAGE, include_str!("page/icon.svg")),
        "/demo/licenses.txt" => (TEXT, include_str!("page/licenses.txt")),
        "/demo/demo.proto" => (TEXT, PROTO),
        _ => return None,
    };
    Some((content_type, text.as_bytes()))
}

/// What the page must know about the gateway that serves it. gRPC-Web needs nothing: it goes where the page came from.
#[derive(Clone, Debug, Serialize)]
pub struct Settings {
    /// Whether the demo's services are behind the gateway. If not, the page leaves out what is about them.
    pub demo: bool,
    /// Where WebTransport sessions open, such as `https://127.0.0.1:8443/grpc-wt/v1`; `None` if they are off.
    pub webtransport_url: Option<String>,
    /// SHA-256 of the listener's certificate in base64; `None` if browsers trust the certificate by themselves.
    pub certificate_hash: Option<String>,
    /// The `x-api-key` that opens `demo.v1.Vault`; `None` if the gateway does not guard it.
    pub api_key: Option<String>,
}

impl Settings {
    /// The settings as the page reads them. They are fixed for as long as the gateway runs, so write them once.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What follows each `before` in `text`, up to the quote.
    fn quoted<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
        text.split(before).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
    }

    #[test]
    fn every_file_the_page_asks_for_is_there() {
        let (content_type, index) = respond("/").unwrap();
        assert_eq!(content_type, "text/html; charset=utf-8");
        let index = std::str::from_utf8(index).unwrap();
        let mut asked = quoted(index, "src=\"");
        // The listeners serve the description of the REST interface themselves.
        let here = |link: &&str| !link.starts_with('#') && *link != "/openapi.json";
        asked.extend(quoted(index, "href=\"").into_iter().filter(here));
        assert!(asked.len() >= 3, "{asked:?}");
        for path in asked {
            assert!(respond(path).is_some(), "index.html asks for {path}");
        }
        let (content_type, app) = respond("/demo/app.js").unwrap();
        assert_eq!(content_type, "text/javascript; charset=utf-8");
        let app = std::str::from_utf8(app).unwrap();
        // The script is one file, and so is the style.
        assert_eq!(quoted(app, "from\"./"), [""; 0]);
        assert!(app.contains(SETTINGS_PATH));
    }

    #[test]
    fn takes_nothing_from_elsewhere_and_needs_no_inline_script() {
        for path in ["/", "/demo/app.js", "/demo/style.css", "/demo/icon.svg"] {
            let (_, text) = respond(path).unwrap();
            let text = std::str::from_utf8(text).unwrap();
            let elsewhere: Vec<&str> = ["http://", "https://"]
                .into_iter()
                .flat_map(|scheme| quoted(text, scheme))
                .filter(|address| *address != "www.w3.org/2000/svg")
                .collect();
            assert!(elsewhere.is_empty(), "{path} names {elsewhere:?}");
        }
        let index = std::str::from_utf8(respond("/").unwrap().1).unwrap();
        // The content security policy would block both.
        assert!(!index.contains("<script>") && !index.contains("style=\""));
    }

    /// Not every browser takes `'self'` for WebSockets of the same host as well.
    #[test]
    fn may_connect_to_the_gateway_with_everything_that_it_speaks() {
        let directives = CONTENT_SECURITY_POLICY.split("; ");
        let connect: Vec<_> =
            directives.filter_map(|directive| directive.strip_prefix("connect-src ")).collect();
        assert_eq!(connect, ["'self' https: ws: wss:"]);
    }

    #[test]
    fn knows_no_other_path() {
        for path in ["", "/demo", "/demo/", "/demo/config.json", "/index.html", "/demo/../", "/DEMO/app.js"] {
            assert!(respond(path).is_none(), "{path}");
        }
    }

    #[test]
    fn settings_have_the_names_that_the_page_reads() {
        let settings = Settings {
            demo: true,
            webtransport_url: Some("https://127.0.0.1:8443/grpc-wt/v1".into()),
            certificate_hash: Some("AAAA".into()),
            api_key: None,
        };
        let json: serde_json::Value = serde_json::from_slice(&settings.to_json().unwrap()).unwrap();
        let app = std::str::from_utf8(respond("/demo/app.js").unwrap().1).unwrap();
        for (name, _) in json.as_object().unwrap() {
            assert!(app.contains(&format!(".{name}")), "app.js does not read {name}");
        }
        assert_eq!(json["webtransport_url"], "https://127.0.0.1:8443/grpc-wt/v1");
        assert!(json["api_key"].is_null());
    }
}
