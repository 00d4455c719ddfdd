//! `quic_lb = { … }`: connection ids from which a load balancer can read which server they belong to.

use sluicegate_quic::{BadQuicLb, QuicLb};

use super::section::Section;
use super::value::{Misread, Text};

/// The nonce unless another is configured: as many octets as a process can count up in its life.
const NONCE: usize = 8;

pub(super) fn read(mut section: Section<'_>) -> Option<QuicLb> {
    let (findings, span) = (section.findings(), section.span());
    let config_id = section.within("config_id", 0..=6);
    let server_id = section.require::<Octets>("server_id");
    let nonce_length = section.count("nonce_length", 4..=18, NONCE);
    let key = section.get::<Octets>("key").map(|key| (key.span(), key.into_inner()));
    section.finish();
    let key = match key {
        None => None,
        Some((span, Octets(key))) => match key.try_into() {
            Ok(key) => Some(key),
            Err(_) => {
                findings.error(span, "the key has 16 octets: 32 hexadecimal digits");
                return None;
            }
        },
    };
    let config_id = config_id.map_or(0, |id| *id.get_ref() as u8);
    let Octets(server_id) = server_id?.into_inner();
    QuicLb::new(config_id, &server_id, nonce_length, key)
        .map_err(|bad| {
            let hint = match bad {
                BadQuicLb::TooLong(_) => {
                    "QUIC has connection ids of 20 octets: take a shorter `nonce_length`"
                }
                _ => "see docs/operations.md",
            };
            findings.error_with_hint(span, bad.to_string(), hint);
        })
        .ok()
}

/// Octets in hexadecimal. What is wrong with them is said without showing them: they may be a secret.
#[derive(Clone, Debug)]
struct Octets(Vec<u8>);

impl Text for Octets {
    const EXPECTED: &'static str = "hexadecimal digits such as \"0a1b\"";

    fn parse(text: &str) -> Result<Octets, Misread> {
        let digits: Option<Vec<u8>> =
            text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
        let octets = digits.filter(|digits| !digits.is_empty()).and_then(|digits| {
            let pairs = digits.chunks_exact(2);
            let is_whole = pairs.remainder().is_empty();
            let octet = |pair: &[u8]| pair.iter().fold(0, |octet, digit| octet << 4 | digit);
            is_whole.then(|| pairs.map(octet).collect())
        });
        octets.map(Octets).ok_or_else(|| {
            Misread::new("these are no octets").hint("write two hexadecimal digits for each: \"0a1b\"")
        })
    }
}
