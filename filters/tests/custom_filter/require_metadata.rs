//! Refuses calls that lack some metadata.
use http::HeaderName;
use serde::Deserialize;
use sluicegate_core::{call::Call, filter::*, problem::Problem, status::Status};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The name that the metadata of every call must have.
    name: String,
}

pub struct RequireMetadata {
    name: HeaderName,
}

impl Filter for RequireMetadata {
    const NAME: &'static str = "require_metadata";
    type Config = Config;
    type State = ();

    fn new(config: Config, _setup: &mut Setup<'_>) -> Result<Self, Problem> {
        let name = config.name.parse().map_err(|_| Problem::new("name", "this is not a header name"))?;
        Ok(RequireMetadata { name })
    }

    async fn request(&self, call: &mut Call, _state: &mut ()) -> Result<(), Status> {
        if call.metadata.contains_key(&self.name) {
            return Ok(());
        }
        Err(Status::invalid_argument(format!("`{}` is missing", self.name)))
    }
}
