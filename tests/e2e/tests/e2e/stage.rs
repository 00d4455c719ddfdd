//! The actors of most tests, and how a behaviour becomes a test for each protocol.

use sluicegate_e2e::client::{Client, Protocol};
use sluicegate_e2e::gateway::{Config, Gateway};
use sluicegate_e2e::upstream::Upstream;

/// A client, a gateway and an upstream that gets every call.
pub(crate) struct Stage {
    pub(crate) upstream: Upstream,
    pub(crate) gateway: Gateway,
    pub(crate) client: Client,
}

impl Stage {
    pub(crate) async fn new(protocol: Protocol) -> Stage {
        Stage::configured(protocol, |config| config).await
    }

    /// The same, with changes to the configuration.
    pub(crate) async fn configured(protocol: Protocol, change: impl FnOnce(Config) -> Config) -> Stage {
        let upstream = Upstream::start().await;
        let gateway = change(Config::in_front_of(&[&upstream])).start().await;
        let client = Client::connect(protocol, gateway.target()).await;
        Stage { upstream, gateway, client }
    }
}

/// Makes a module of tests out of each behaviour: one test for each protocol.
macro_rules! over {
    (every protocol: $($behaviour:ident),+ $(,)?) => {
        $(over!(@ $behaviour:
            grpc_h2c GrpcH2c, grpc_tls GrpcTls, grpc_h3 GrpcH3,
            web_h1 WebH1, web_h2 WebH2, web_h3 WebH3,
            web_text_h1 WebTextH1, web_text_h2 WebTextH2, web_text_h3 WebTextH3,
            connect_h1 ConnectH1, connect_h2 ConnectH2, connect_h3 ConnectH3, connect_wt ConnectWt,
            grpc_wt GrpcWt, grpc_ws GrpcWs, grpc_ws_tls GrpcWsTls,
        );)+
    };
    (every full-duplex protocol: $($behaviour:ident),+ $(,)?) => {
        $(over!(@ $behaviour:
            grpc_h2c GrpcH2c, grpc_tls GrpcTls, grpc_h3 GrpcH3,
            web_h2 WebH2, web_h3 WebH3, web_text_h2 WebTextH2, web_text_h3 WebTextH3,
            connect_h2 ConnectH2, connect_h3 ConnectH3, connect_wt ConnectWt,
            grpc_wt GrpcWt, grpc_ws GrpcWs, grpc_ws_tls GrpcWsTls,
        );)+
    };
    (every multiplexed protocol: $($behaviour:ident),+ $(,)?) => {
        $(over!(@ $behaviour:
            grpc_h2c GrpcH2c, grpc_tls GrpcTls, grpc_h3 GrpcH3,
            web_h2 WebH2, web_h3 WebH3, web_text_h2 WebTextH2, web_text_h3 WebTextH3,
            connect_h2 ConnectH2, connect_h3 ConnectH3, connect_wt ConnectWt,
            grpc_wt GrpcWt,
        );)+
    };
    (every web protocol: $($behaviour:ident),+ $(,)?) => {
        $(over!(@ $behaviour:
            web_h1 WebH1, web_h2 WebH2, web_h3 WebH3,
            web_text_h1 WebTextH1, web_text_h2 WebTextH2, web_text_h3 WebTextH3,
            connect_h1 ConnectH1, connect_h2 ConnectH2, connect_h3 ConnectH3,
        );)+
    };
    (every protocol with frames: $($behaviour:ident),+ $(,)?) => {
        $(over!(@ $behaviour: grpc_wt GrpcWt, grpc_ws GrpcWs, grpc_ws_tls GrpcWsTls,);)+
    };
    (every HTTP version: $($behaviour:ident),+ $(,)?) => {
        $(over!(@ $behaviour:
            h1 WebTextH1, h1_tls WebH1, h2c GrpcH2c, h2 GrpcTls, h3 GrpcH3,
        );)+
    };
    (every QUIC protocol: $($behaviour:ident),+ $(,)?) => {
        $(over!(@ $behaviour:
            grpc_h3 GrpcH3, web_h3 WebH3, connect_h3 ConnectH3, grpc_wt GrpcWt,
        );)+
    };
    (native HTTP/2: $($behaviour:ident),+ $(,)?) => {
        $(over!(@ $behaviour: grpc_h2c GrpcH2c, grpc_tls GrpcTls,);)+
    };
    (@ $behaviour:ident: $($name:ident $protocol:ident,)+) => {
        mod $behaviour {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$behaviour(sluicegate_e2e::client::Protocol::$protocol).await;
                }
            )+
        }
    };
}
