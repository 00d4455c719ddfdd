//! What a plain `GET` of the session's path is answered, so that a client need not wait for UDP to time out.

use bytes::Bytes;

/// The JSON that says what is served here: whether sessions are, and at which path WebSockets. `max_message` is in bytes; 0
/// means that only the format limits it. `datagrams` says whether messages of some methods may travel in datagrams.
pub fn probe_json(webtransport: bool, websocket: Option<&str>, max_message: u32, datagrams: bool) -> Bytes {
    let max_message = if max_message == 0 { u32::MAX } else { max_message };
    // A path may have a quote in it.
    let websocket = serde_json::Value::from(websocket);
    format!(
        r#"{{"versions":[1],"webtransport":{webtransport},"websocket":{websocket},"max_message":{max_message},"datagrams":{datagrams}}}"#
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_limits() {
        assert_eq!(
            probe_json(true, Some("/a\"b"), 4_194_304, true),
            r#"{"versions":[1],"webtransport":true,"websocket":"/a\"b","max_message":4194304,"datagrams":true}"#
        );
        assert_eq!(
            probe_json(false, None, 0, false),
            r#"{"versions":[1],"webtransport":false,"websocket":null,"max_message":4294967295,"datagrams":false}"#
        );
    }
}
