//! What a plain `GET` of the session's path is answered, so that a client need not wait for UDP to time out.

use bytes::Bytes;
use serde::Serialize;

/// What is served here. Its members are those of the JSON, where they are explained: `docs/grpc-webtransport.md`, section 1.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[allow(missing_docs, reason = "the document is their reference")]
pub struct Probe<'a> {
    pub webtransport: bool,
    pub websocket: Option<&'a str>,
    /// In bytes; 0 means that only the format limits it.
    #[serde(serialize_with = "largest")]
    pub max_message: u32,
    pub datagrams: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webtransport_url: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub certificate_hashes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketProbe<'a>>,
}

/// What is told about tickets, where there are any: section 13 of the same document.
#[derive(Clone, Copy, Debug, Serialize)]
#[allow(missing_docs, reason = "the document is their reference")]
pub struct TicketProbe<'a> {
    pub path: &'a str,
    pub required: bool,
}

impl Probe<'_> {
    /// The JSON of the answer.
    pub fn to_json(&self) -> Bytes {
        #[derive(Serialize)]
        struct Document<'a> {
            versions: [u8; 1],
            #[serde(flatten)]
            probe: &'a Probe<'a>,
        }
        // Nothing in it can fail to be JSON.
        serde_json::to_vec(&Document { versions: [1], probe: self }).unwrap_or_default().into()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn largest<S: serde::Serializer>(max_message: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u32(if *max_message == 0 { u32::MAX } else { *max_message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_limits() {
        let probe = Probe {
            webtransport: true,
            websocket: Some("/a\"b"),
            max_message: 4_194_304,
            datagrams: true,
            ..Probe::default()
        };
        assert_eq!(
            probe.to_json(),
            r#"{"versions":[1],"webtransport":true,"websocket":"/a\"b","max_message":4194304,"datagrams":true}"#
        );
        assert_eq!(
            Probe::default().to_json(),
            r#"{"versions":[1],"webtransport":false,"websocket":null,"max_message":4294967295,"datagrams":false}"#
        );
    }

    #[test]
    fn tells_where_sessions_open_and_with_which_certificate() {
        let probe = Probe {
            webtransport_url: Some("https://127.0.0.1:8443/grpc-wt/v1"),
            certificate_hashes: &["AAA=".to_owned()],
            ticket: Some(TicketProbe { path: "/grpc-wt/v1/ticket", required: true }),
            ..Probe::default()
        };
        let json: serde_json::Value = serde_json::from_slice(&probe.to_json()).unwrap();
        assert_eq!(json["webtransport_url"], "https://127.0.0.1:8443/grpc-wt/v1");
        assert_eq!(json["certificate_hashes"], serde_json::json!(["AAA="]));
        assert_eq!(json["ticket"], serde_json::json!({ "path": "/grpc-wt/v1/ticket", "required": true }));
    }
}
