//! Bounds how many calls, or sessions, each caller may start in a while.
//!
//! ```toml
//! [[routes]]
//! filters = [
//!   { use = "rate_limit", key = "identity", rate = 100, per = "1s", burst = 200 },
//! ]
//! ```
//!
//! Each caller has a bucket of `burst` calls, which fills again at `rate` calls `per` period, evenly and not in steps
//! (the algorithm is GCRA). A call that finds the bucket empty is refused with `RESOURCE_EXHAUSTED`. Who counts as one
//! caller is for `key` to say:
//!
//! * `identity`: whoever an authenticating filter earlier in the chain found the caller to be.
//! * `address`: the client's address; of an IPv6 address the first 64 bits, since one host may use all the others.
//! * `header:<name>`: the values of a request header. A client that can choose them chooses its bucket.
//! * `route`: everyone is one caller.
//!
//! A call without an identity or without that header is counted by its address.
//!
//! The limit is this gateway process's own; it is not shared between gateways, and a reload of the configuration
//! begins with full buckets.
//!
//! # Many callers
//! At most `max_keys` buckets are kept, in less than 100 bytes each, whatever clients send. When there are as many, a new
//! caller takes the place of one whose bucket is full again, which forgets nothing. While there is none, new callers
//! share one bucket of the same size; `sluicegate_rate_limit_crowded` counts their calls. A caller that has a bucket
//! keeps it. So a flood of made-up callers can slow down newcomers, but takes no more memory, and all its callers together
//! get no more calls than `max_keys` and one buckets hold and regain. The bound is kept separately for parts of the
//! callers, so it can bite when a few per cent of the places are still free.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Mutex;
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{NotUntil, Quota, RateLimiter};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use prometheus::IntCounter;
use ring::digest::{Context, SHA256};
use serde::Deserialize;
use sluicegate_core::call::Call;
use sluicegate_core::filter::{Filter, Setup};
use sluicegate_core::problem::Problem;
use sluicegate_core::session::SessionRequest;
use sluicegate_core::status::{Flag, Status};

/// The filter's table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who counts as one caller: `identity`, `address`, `route` or `header:<name>`.
    key: Key,
    /// Calls that a bucket regains in each period.
    rate: NonZeroU32,
    /// The period.
    #[serde(default = "default_per", with = "humantime_serde")]
    per: Duration,
    /// Calls that a full bucket holds; by default as many as `rate`.
    burst: Option<NonZeroU32>,
    /// Buckets that are kept at most.
    #[serde(default = "default_max_keys")]
    max_keys: NonZeroUsize,
}

fn default_per() -> Duration {
    Duration::from_secs(1)
}

fn default_max_keys() -> NonZeroUsize {
    const { NonZeroUsize::new(10_000).unwrap() }
}

/// See the [module](self).
pub struct RateLimit<C: Clock = MonotonicClock> {
    key: Key,
    quota: Quota,
    limiter: RateLimiter<Bucket, Buckets, C, NoOpMiddleware<C::Instant>>,
    ok: IntCounter,
    rate_limited: IntCounter,
}

impl<C: Clock + Default + Send + Sync + 'static> Filter for RateLimit<C>
where
    C::Instant: 'static,
{
    const NAME: &'static str = "rate_limit";
    const GUARDS_SESSIONS: bool = true;
    type Config = Config;
    type State = ();

    fn new(config: Config, setup: &mut Setup<'_>) -> Result<RateLimit<C>, Problem> {
        RateLimit::with_clock(config, C::default(), setup)
    }

    async fn request(&self, call: &mut Call, _: &mut ()) -> Result<(), Status> {
        self.count(self.key.bucket(call.identity.as_deref(), &call.metadata, call.client.address))
    }

    async fn session(&self, request: &mut SessionRequest, _: &mut ()) -> Result<(), Status> {
        let SessionRequest { identity, headers, client, .. } = request;
        self.count(self.key.bucket(identity.as_deref(), headers, client.address))
    }
}

impl<C: Clock> RateLimit<C> {
    fn with_clock(config: Config, clock: C, setup: &mut Setup<'_>) -> Result<RateLimit<C>, Problem> {
        let quota = quota(&config)?;
        let crowded = setup.counter(
            "crowded",
            "Calls counted against the bucket that newcomers share while as many callers as max_keys are active.",
        );
        let buckets = Buckets::new(config.max_keys, quota.replenish_interval(), crowded);
        Ok(RateLimit {
            key: config.key,
            quota,
            limiter: RateLimiter::new(quota, buckets, clock),
            ok: setup.counter("ok", "Calls and sessions within the limit."),
            rate_limited: setup
                .counter("rate_limited", "Calls and sessions refused because they exceeded the limit."),
        })
    }

    /// Counts a call or a session against a bucket.
    fn count(&self, bucket: Bucket) -> Result<(), Status> {
        match self.limiter.check_key(&bucket) {
            Ok(()) => {
                self.ok.inc();
                Ok(())
            }
            Err(until) => {
                self.rate_limited.inc();
                Err(self.refusal(&until))
            }
        }
    }

    /// `retry-after` and, as Envoy writes them, `x-ratelimit-limit`, `-remaining` and `-reset`: the size of the
    /// bucket, the calls left in it, and the seconds until it is full if no call is made.
    fn refusal(&self, until: &NotUntil<C::Instant>) -> Status {
        let wait = until.wait_time_from(self.limiter.clock().now());
        let others = self.quota.replenish_interval() * (self.quota.burst_size().get() - 1);
        Status::resource_exhausted("too many calls; try again later")
            .with_flag(Flag::RateLimited)
            .with_metadata(header::RETRY_AFTER, seconds(wait))
            .with_metadata(RATELIMIT_LIMIT, self.quota.burst_size().get().into())
            .with_metadata(RATELIMIT_REMAINING, 0.into())
            .with_metadata(RATELIMIT_RESET, seconds(wait + others))
    }
}

const RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RATELIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Whole seconds, rounded up: whoever waits that long does not come too early.
fn seconds(duration: Duration) -> HeaderValue {
    (duration.as_secs() + u64::from(duration.subsec_nanos() > 0)).into()
}

fn quota(config: &Config) -> Result<Quota, Problem> {
    /// The times that governor reckons with, in nanoseconds, must stay far from the end of a `u64`.
    const LONGEST: Duration = Duration::from_secs(100 * 31_557_600);

    let interval = config.per / config.rate.get();
    let burst = config.burst.unwrap_or(config.rate);
    if interval.is_zero() {
        return Err(Problem::new("rate", "at least a nanosecond must lie between two calls"));
    }
    match interval.checked_mul(burst.get()) {
        Some(full) if full <= LONGEST => {}
        _ => {
            return Err(Problem::new(
                "burst",
                "an empty bucket would take more than a hundred years to fill",
            ));
        }
    }
    Quota::with_period(interval)
        .map(|quota| quota.allow_burst(burst))
        .ok_or_else(|| Problem::new("per", "the period must be longer than zero"))
}

/// What makes two calls the same caller's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
enum Key {
    Identity,
    Address,
    Header(HeaderName),
    Route,
}

impl TryFrom<String> for Key {
    type Error = String;

    fn try_from(text: String) -> Result<Key, String> {
        match text.as_str() {
            "identity" => Ok(Key::Identity),
            "address" => Ok(Key::Address),
            "route" => Ok(Key::Route),
            _ => match text.strip_prefix("header:").map(|name| (name, name.parse())) {
                Some((_, Ok(name))) => Ok(Key::Header(name)),
                Some((name, Err(_))) => Err(format!("`{name}` is not a header name")),
                None => {
                    Err(format!("`{text}` is none of `identity`, `address`, `route` and `header:<name>`"))
                }
            },
        }
    }
}

/// Which bucket a call is counted against; `None` is the one that all share.
///
/// A number of fixed size, so that the memory a caller takes is not for the caller to choose.
type Bucket = Option<u128>;

impl Key {
    fn bucket(&self, identity: Option<&str>, headers: &HeaderMap, address: SocketAddr) -> Bucket {
        let values = match self {
            Key::Route => return None,
            Key::Identity => identity.map(|identity| text_key([identity.as_bytes()])),
            Key::Address => None,
            Key::Header(name) => headers
                .contains_key(name)
                .then(|| text_key(headers.get_all(name).iter().map(HeaderValue::as_bytes))),
        };
        Some(values.unwrap_or_else(|| address_key(address.ip())))
    }
}

/// Half of a SHA-256 digest: nobody can find a text that gets another caller's bucket.
fn text_key<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> u128 {
    let mut context = Context::new(&SHA256);
    for value in values {
        // The length keeps `a`, `b` apart from `ab`.
        context.update(&(value.len() as u64).to_be_bytes());
        context.update(value);
    }
    context.finish().as_ref().first_chunk().map_or(0, |half| u128::from_be_bytes(*half))
}

fn address_key(address: IpAddr) -> u128 {
    match address.to_canonical() {
        // As an IPv4-mapped address, which is no IPv6 network: those end in 64 zero bits.
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits() >> 64 << 64,
    }
}

/// A bounded number of buckets.
///
/// A bucket is one number: when it will be full again (GCRA's theoretical arrival time), in nanoseconds since the
/// limiter was made. One whose time has passed need not be kept, as a new bucket is full too.
struct Buckets {
    /// Independently locked, so that calls on different cores rarely meet.
    shards: Box<[Mutex<Shard>]>,
    shard_of: RandomState,
    /// Buckets that each shard holds at most.
    capacity: usize,
    /// How long a bucket takes to regain one call.
    interval: Nanos,
    shared: InMemoryState,
    /// Calls that went to `shared` because their shard was full.
    crowded: IntCounter,
}

#[derive(Default)]
struct Shard {
    full_at: HashMap<u128, Nanos>,
    /// No bucket here is full before this time.
    first_full_at: Nanos,
}

impl Buckets {
    fn new(max_keys: NonZeroUsize, interval: Duration, crowded: IntCounter) -> Buckets {
        // Enough for a gateway's cores, and each large enough that keys spread evenly.
        let shards = (max_keys.get() / 512).clamp(1, 16);
        Buckets {
            shards: std::iter::repeat_with(Mutex::default).take(shards).collect(),
            shard_of: RandomState::new(),
            capacity: max_keys.get() / shards,
            interval: interval.into(),
            shared: InMemoryState::default(),
            crowded,
        }
    }

    fn shard(&self, key: u128) -> Option<&Mutex<Shard>> {
        let hash = self.shard_of.hash_one(key) as usize;
        self.shards.get(hash % self.shards.len())
    }
}

impl StateStore for Buckets {
    type Key = Bucket;

    fn measure_and_replace<T, F, E>(&self, key: &Bucket, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        if let Some(key) = *key
            && let Some(shard) = self.shard(key)
        {
            // A shard is whole at every point where a panic could leave it.
            let mut shard = shard.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if let Some(full_at) = shard.full_at.get_mut(&key) {
                let (allowed, next) = measure(Some(*full_at))?;
                *full_at = next;
                return Ok(allowed);
            }
            let (allowed, next) = measure(None)?;
            // A call taken from a full bucket makes it full again one interval from now.
            let now = next.saturating_sub(self.interval);
            if shard.make_room(self.capacity, now) {
                shard.full_at.insert(key, next);
                return Ok(allowed);
            }
            drop(shard);
            self.crowded.inc();
        }
        self.shared.measure_and_replace(&NotKeyed::NonKey, measure)
    }
}

impl Shard {
    /// Whether one more bucket fits in, after those that are full have been forgotten.
    fn make_room(&mut self, capacity: usize, now: Nanos) -> bool {
        if self.full_at.len() < capacity {
            return true;
        }
        // Times only move forward, so nothing is looked through in vain twice.
        if now < self.first_full_at {
            return false;
        }
        self.full_at.retain(|_, full_at| *full_at > now);
        self.first_full_at = self.full_at.values().min().copied().unwrap_or_default();
        self.full_at.len() < capacity
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::clock::FakeRelativeClock;
    use governor::state::keyed::HashMapStateStore;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use sluicegate_core::status::Code;
    use sluicegate_core::testing::{CallScript, Scripted, ScriptedCall};

    fn rig(table: &str) -> (Scripted, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let config: Config = toml::from_str(table).unwrap();
        let shared = clock.clone();
        (Scripted::build(|setup| RateLimit::with_clock(config, shared, setup)), clock)
    }

    /// Makes a call from each of these addresses; a trailing `!` marks those that are refused.
    #[track_caller]
    fn check(rig: &Scripted, calls: &[&str]) {
        check_calls(rig, calls, |call, address| call.address(&format!("{address}:1")));
    }

    #[track_caller]
    fn check_calls(rig: &Scripted, calls: &[&str], by: impl Fn(CallScript, &str) -> CallScript) {
        for (index, caller) in calls.iter().enumerate() {
            let refused = caller.ends_with('!');
            let call = by(rig.call(), caller.trim_end_matches('!')).open();
            assert_eq!(is_refused(&call), refused, "call {index}, by {caller}");
        }
    }

    fn is_refused(call: &ScriptedCall) -> bool {
        call.head()
            .is_some_and(|_| call.expect_end(Code::ResourceExhausted).status.flag == Some(Flag::RateLimited))
    }

    #[test]
    fn refuses_beyond_the_burst_and_fills_evenly() {
        let (rig, clock) = rig("key = 'address'\nrate = 2\nburst = 3");
        check(&rig, &["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1!", "10.0.0.2"]);
        clock.advance(Duration::from_millis(499));
        check(&rig, &["10.0.0.1!"]);
        clock.advance(Duration::from_millis(1));
        check(&rig, &["10.0.0.1", "10.0.0.1!"]);
        clock.advance(Duration::from_secs(3600));
        check(&rig, &["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1!"]);
        assert_eq!(rig.metric("sluicegate_rate_limit_ok"), 8);
        assert_eq!(rig.metric("sluicegate_rate_limit_rate_limited"), 4);
        assert_eq!(rig.metric("sluicegate_rate_limit_crowded"), 0);
    }

    #[test]
    fn tells_a_refused_client_when_to_come_back() {
        let (rig, clock) = rig("key = 'route'\nrate = 4\nper = '6s'\nburst = 3");
        check(&rig, &["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
        let metadata = |want: [&str; 4]| {
            let call = rig.open();
            let end = call.expect_end(Code::ResourceExhausted);
            let names = ["retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
            assert_eq!(names.map(|name| end.trailers[name].to_str().unwrap()), want);
        };
        metadata(["2", "3", "0", "5"]); // 1.5 s and 4.5 s, rounded up
        clock.advance(Duration::from_millis(500));
        metadata(["1", "3", "0", "4"]); // exactly 1 s and 4 s
        clock.advance(Duration::from_millis(999));
        metadata(["1", "3", "0", "4"]);
        clock.advance(Duration::from_millis(1));
        rig.open().expect_open();
    }

    #[test]
    fn bursts_as_much_as_the_rate_unless_told_otherwise() {
        let (rig, _) = rig("key = 'route'\nrate = 2\nper = '1h'");
        check(&rig, &["10.0.0.1", "10.0.0.1", "10.0.0.1!"]);
    }

    #[test]
    fn counts_sessions_as_calls() {
        let rig = Scripted::for_sessions::<RateLimit>("key = 'identity'\nrate = 1\nper = '1h'");
        rig.session().identity("alice").open().expect_open();
        rig.session().identity("bob").open().expect_open();
        let refused = rig.session().identity("alice").open();
        let status = refused.expect_refused(Code::ResourceExhausted);
        assert_eq!(status.flag, Some(Flag::RateLimited));
        assert!(status.metadata.as_ref().unwrap().contains_key("retry-after"));
        rig.session().address("10.0.0.1:1").open().expect_open();
        rig.session().address("10.0.0.1:2").open().expect_refused(Code::ResourceExhausted);
    }

    #[test]
    fn keys_addresses_by_network() {
        let (rig, _) = rig("key = 'address'\nrate = 1");
        check(&rig, &["[2001:db8::1]", "[2001:db8::2]!", "[2001:db8:0:0:ffff::1]!", "[2001:db8:0:1::1]"]);
        check(&rig, &["10.0.0.1", "[::ffff:10.0.0.1]!", "10.0.0.2", "[::ffff:0:0]", "[::1]", "[::2]!"]);
    }

    #[test]
    fn keys_by_identity_and_without_one_by_address() {
        let (rig, _) = rig("key = 'identity'\nrate = 1");
        check_calls(&rig, &["alice", "bob", "alice!", ""], CallScript::identity);
        check(&rig, &["10.0.0.1", "10.0.0.2", "10.0.0.1!"]);
    }

    #[test]
    fn keys_by_all_values_of_a_header() {
        let (rig, _) = rig("key = 'header:X-Tenant'\nrate = 1");
        check_calls(&rig, &["a", "b", "a!"], |call, tenant| call.metadata("x-tenant", tenant));
        let two = |call: CallScript, tenants: &str| {
            let (first, second) = tenants.split_once(',').unwrap();
            call.metadata("x-tenant", first).metadata("x-tenant", second)
        };
        check_calls(&rig, &["a,b", "b,a", "ab,", "a,b!"], two);
        check(&rig, &["10.0.0.1", "10.0.0.1!"]);
    }

    #[test]
    fn never_keeps_more_buckets_than_allowed() {
        let (rig, clock) = rig("key = 'address'\nrate = 1\nburst = 2\nmax_keys = 2");
        // Two callers have buckets; the others share a third.
        check(&rig, &["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5!", "10.0.0.3!"]);
        assert_eq!(rig.metric("sluicegate_rate_limit_crowded"), 4);
        // The crowd has not cost the first two anything, and given them nothing.
        check(&rig, &["10.0.0.1", "10.0.0.1!", "10.0.0.2", "10.0.0.2!"]);
        // One second later one call has come back to each bucket, and none is full.
        clock.advance(Duration::from_secs(1));
        check(&rig, &["10.0.0.6", "10.0.0.7!", "10.0.0.1", "10.0.0.1!"]);
        assert_eq!(rig.metric("sluicegate_rate_limit_crowded"), 6);
        // Now that of 10.0.0.2 is full and makes room; that of 10.0.0.1 is not, and stays.
        clock.advance(Duration::from_secs(1));
        check(&rig, &["10.0.0.8", "10.0.0.8", "10.0.0.8!", "10.0.0.1", "10.0.0.1!"]);
        assert_eq!(rig.metric("sluicegate_rate_limit_crowded"), 6);
    }

    #[test]
    fn memory_stays_bounded_under_a_flood_of_callers() {
        let counter = IntCounter::new("crowded", "crowded").unwrap();
        let max = NonZeroUsize::new(5000).unwrap();
        let buckets = Buckets::new(max, Duration::from_secs(1), counter.clone());
        let limiter: RateLimiter<_, _, _, NoOpMiddleware<Nanos>> = RateLimiter::new(
            Quota::with_period(Duration::from_secs(1)).unwrap(),
            buckets,
            FakeRelativeClock::default(),
        );
        let let_in = (0..100_000).filter(|caller| limiter.check_key(&Some(*caller)).is_ok()).count();
        let kept: usize =
            limiter.into_state_store().shards.iter().map(|shard| shard.lock().unwrap().full_at.len()).sum();
        assert!((4500..=5000).contains(&kept), "{kept}");
        // Every bucket had one call, the shared one too.
        assert_eq!(let_in, kept + 1);
        assert_eq!(counter.get(), 100_000 - kept as u64);
    }

    proptest! {
        /// As long as no more callers come than are kept, the bound changes nothing: governor's own unbounded store
        /// decides the same.
        #[test]
        fn decides_as_an_unbounded_limiter(
            burst in 1u32..5,
            calls in vec((0u128..512, 0u64..400), 0..300),
        ) {
            let quota = Quota::with_period(Duration::from_millis(100)).unwrap();
            let quota = quota.allow_burst(NonZeroU32::new(burst).unwrap());
            let clock = FakeRelativeClock::default();
            let counter = IntCounter::new("crowded", "crowded").unwrap();
            let max = NonZeroUsize::new(512).unwrap();
            let buckets = Buckets::new(max, quota.replenish_interval(), counter.clone());
            let bounded: RateLimiter<_, _, _, NoOpMiddleware<Nanos>> =
                RateLimiter::new(quota, buckets, clock.clone());
            let unbounded: RateLimiter<_, _, _, NoOpMiddleware<Nanos>> =
                RateLimiter::new(quota, HashMapStateStore::<Bucket>::default(), clock.clone());
            for (caller, pause) in calls {
                // A few callers call often, the others rarely.
                let caller = Some(if caller % 2 == 0 { caller % 4 } else { caller });
                clock.advance(Duration::from_millis(pause / 8));
                prop_assert_eq!(bounded.check_key(&caller).is_ok(), unbounded.check_key(&caller).is_ok());
            }
            prop_assert_eq!(counter.get(), 0);
        }

        /// Whatever callers do, all of them together get no more than what the buckets hold and regain.
        #[test]
        fn never_lets_in_more_than_the_buckets_give(
            max_keys in 1usize..8,
            calls in vec((0u128..20, 0u64..30), 0..300),
        ) {
            let quota = Quota::with_period(Duration::from_millis(100)).unwrap();
            let quota = quota.allow_burst(NonZeroU32::new(3).unwrap());
            let clock = FakeRelativeClock::default();
            let counter = IntCounter::new("crowded", "crowded").unwrap();
            let max = NonZeroUsize::new(max_keys).unwrap();
            let buckets = Buckets::new(max, quota.replenish_interval(), counter);
            let limiter: RateLimiter<_, _, _, NoOpMiddleware<Nanos>> =
                RateLimiter::new(quota, buckets, clock.clone());
            let (mut let_in, mut elapsed) = (0, 0);
            for (caller, pause) in calls {
                clock.advance(Duration::from_millis(pause));
                elapsed += pause;
                let_in += u64::from(limiter.check_key(&Some(caller)).is_ok());
                prop_assert!(let_in <= (max_keys as u64 + 1) * (3 + elapsed / 100));
            }
        }
    }

    #[test]
    fn finds_what_is_wrong_with_its_table() {
        let check = |table: &str, at: &str, what: &str| {
            let problem = Scripted::problem::<RateLimit>(table);
            assert_eq!(problem.at, at, "{problem:?}");
            assert!(problem.what.contains(what), "{problem:?}");
        };
        check("rate = 1", "", "missing field `key`");
        check("key = 'route'", "", "missing field `rate`");
        check("key = 'ip'\nrate = 1", "key", "`ip` is none of");
        check("key = 'header:'\nrate = 1", "key", "not a header name");
        check("key = 'route'\nrate = 0", "rate", "nonzero");
        check("key = 'route'\nrate = 1\nburst = 0", "burst", "nonzero");
        check("key = 'route'\nrate = 1\nmax_keys = 0", "max_keys", "nonzero");
        check("key = 'route'\nrate = 1\nper = 'soon'", "per", "");
        check("key = 'route'\nrate = 1\nper = '0s'", "rate", "nanosecond");
        check("key = 'route'\nrate = 1_000_000\nper = '1us'", "rate", "nanosecond");
        check("key = 'route'\nrate = 1\nper = '1day'\nburst = 4_000_000_000", "burst", "hundred years");
        check("key = 'route'\nrate = 1\nbrust = 1", "brust", "unknown field");
        Scripted::new::<RateLimit>("key = 'route'\nrate = 1\nper = '100years'").open().expect_open();
    }
}
