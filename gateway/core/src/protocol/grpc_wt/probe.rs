//! What a plain `GET` of the session's path is answered, so that a client need not wait for UDP to time out.

use bytes::Bytes;

/// The JSON that says what is served here. `max_message` is in bytes; 0 means that only the format limits it.
pub fn probe_json(webtransport: bool, max_message: u32) -> Bytes {
    let max_message = if max_message == 0 { u32::MAX } else { max_message };
    format!(
        r#"{{"versions":[1],"webtransport":{webtransport},"max_message":{max_message},"datagrams":false}}"#
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_limits() {
        assert_eq!(
            probe_json(true, 4_194_304),
            r#"{"versions":[1],"webtransport":true,"max_message":4194304,"datagrams":false}"#
        );
        assert_eq!(
            probe_json(false, 0),
            r#"{"versions":[1],"webtransport":false,"max_message":4294967295,"datagrams":false}"#
        );
    }
}
