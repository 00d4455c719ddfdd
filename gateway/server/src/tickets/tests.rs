//! What a ticket is good for.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use sluicegate_core::call::{Client, Transport};
use sluicegate_core::chain::Chain;

use super::*;

const SECRET: &str = "a secret that two gateways share, as long as it needs to be";

fn tickets(required: bool, secret: Option<&'static str>, metrics: &Metrics) -> Tickets {
    let keys =
        secret.map_or_else(|| Keys::random().unwrap(), |secret| Keys::new([secret].into_iter()).unwrap());
    let chain = Arc::new(Chain::new("tickets", Vec::new(), &metrics.filters));
    let spec =
        TicketsSpec { chain, required, lifetime: Duration::from_secs(60), session_lifetime: None, keys };
    Tickets::new(&spec, Arc::default(), "127.0.0.1:443", metrics)
}

async fn issue(tickets: &Tickets, metrics: &Metrics) -> String {
    let mut request = SessionRequest {
        path: "/grpc-wt/v1/ticket".parse().unwrap(),
        host: "app.example.com".into(),
        headers: HeaderMap::new(),
        client: Client {
            address: "192.0.2.7:5000".parse().unwrap(),
            forwarded_for: HeaderValue::from_static("192.0.2.7"),
            protocol: "ticket",
            transport: Transport::Http1,
            secure: true,
        },
        // A filter would have set it.
        identity: Some("alice".into()),
    };
    format!("ticket={}", tickets.issue(&mut request, metrics).await.unwrap())
}

#[tokio::test]
async fn a_ticket_admits_once_and_as_whom_it_was_made_for() {
    let metrics = Metrics::new().unwrap();
    let tickets = tickets(true, None, &metrics);
    let query = issue(&tickets, &metrics).await;
    assert_eq!(tickets.check(Some(&query)), Ok(()));
    let among_others = format!("a=1&{query}&b");
    assert_eq!(tickets.admit(Some(&among_others)), Ok(Some("alice".into())));
    assert_eq!(tickets.check(Some(&query)), Err(StatusCode::UNAUTHORIZED));
    assert_eq!(tickets.admit(Some(&query)), Err(StatusCode::UNAUTHORIZED));
}

#[tokio::test]
async fn what_is_no_ticket_admits_nobody() {
    let metrics = Metrics::new().unwrap();
    for required in [true, false] {
        let tickets = tickets(required, None, &metrics);
        let good = issue(&tickets, &metrics).await;
        for bad in ["ticket=", "ticket=abc", "a=1&ticket=%20", &format!("{good}&{good}"), &format!("{good}A")]
        {
            assert_eq!(tickets.admit(Some(bad)), Err(StatusCode::UNAUTHORIZED), "{bad}");
            assert_eq!(tickets.check(Some(bad)), Err(StatusCode::UNAUTHORIZED), "{bad}");
        }
        for none in [None, Some(""), Some("tickets=1"), Some("ticket")] {
            let expected = if required { Err(StatusCode::UNAUTHORIZED) } else { Ok(None) };
            assert_eq!(tickets.admit(none), expected, "{none:?}");
            assert_eq!(tickets.check(none), Ok(()), "{none:?}");
        }
        assert_eq!(tickets.admit(Some(&good)), Ok(Some("alice".into())));
    }
}

#[tokio::test]
async fn gateways_that_share_a_secret_take_each_others() {
    let metrics = Metrics::new().unwrap();
    let shared = tickets(true, Some(SECRET), &metrics);
    let query = issue(&shared, &metrics).await;
    assert_eq!(tickets(true, None, &metrics).admit(Some(&query)), Err(StatusCode::UNAUTHORIZED));
    assert_eq!(tickets(true, Some(SECRET), &metrics).admit(Some(&query)), Ok(Some("alice".into())));
}
