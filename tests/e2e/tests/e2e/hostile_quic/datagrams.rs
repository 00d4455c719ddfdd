//! Datagrams that nobody asked for.

use sluicegate_e2e::raw_h3::{RawH3, code, varint};

use super::siege::Siege;

/// Those that nobody reads are lost, and so are those of sessions that are not there.
#[tokio::test]
async fn datagram_floods() {
    let mut siege = Siege::begin().await;
    let raw = RawH3::connect(siege.target()).await;
    let session = raw.session().await.expect("a session");
    for (quarter, limit) in [(session.id / 4, "datagrams_per_session"), (1000, "early_datagrams")] {
        siege
            .storm(200, async |number| {
                for more in 0..20 {
                    // Each of them of another session that is not there.
                    let named = if quarter == 1000 { quarter + 20 * number + more } else { quarter };
                    let datagram = [varint(named), vec![0; 1000]].concat();
                    raw.quic.send_datagram_wait(datagram.into()).await.unwrap();
                }
                // More at once would be lost in sockets, and the canary's packets with them.
                raw.works().await;
            })
            .await;
        siege.refused(limit, 100).await;
    }
    drop(session);
    siege.withstood().await;
}

/// One that names no stream, or none that can be, ends its connection.
#[tokio::test]
async fn datagrams_that_name_no_stream() {
    let siege = Siege::begin().await;
    for datagram in [vec![], vec![0xc0, 0], varint(1 << 60), varint((1 << 62) - 1)] {
        let raw = RawH3::connect(siege.target()).await;
        raw.quic.send_datagram(datagram.clone().into()).unwrap();
        assert_eq!(raw.closed().await, code::H3_DATAGRAM_ERROR, "{datagram:x?}");
        siege.step();
    }
    siege.withstood().await;
}
