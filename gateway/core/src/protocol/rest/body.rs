//! Makes a request message of the body, the path and the query.

use std::sync::Arc;

use bytes::Bytes;
use http::Method as HttpMethod;
use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use serde_json::Value as Json;

use super::binding::{Binding, Body};
use super::error::bad_request;
use super::http_body::{HttpBody, holds_http_body, is_http_body};
use super::query::Settings;
use super::value;
use crate::schema::json;
use crate::status::{Flag, Status};

/// How bodies become messages of one call.
pub(super) struct Mapping {
    pub(super) binding: Arc<Binding>,
    pub(super) settings: Settings,
    /// Of the request, for a `google.api.HttpBody`.
    pub(super) content_type: String,
    /// The field that lists the fields which a `PATCH` changes, if the gateway fills it.
    mask: Option<FieldDescriptor>,
}

impl Mapping {
    pub(super) fn new(
        binding: Arc<Binding>,
        settings: Settings,
        content_type: String,
        verb: &HttpMethod,
    ) -> Mapping {
        let mask = (verb == HttpMethod::PATCH).then(|| mask_field(&binding)).flatten();
        let mask = mask.filter(|field| !settings.set(field));
        Mapping { binding, settings, content_type, mask }
    }

    /// The message that a body stands for.
    pub(super) fn message(&self, body: Bytes) -> Result<Vec<u8>, Status> {
        let input = self.binding.method.input();
        let is_blank = body.iter().all(u8::is_ascii_whitespace);
        let mut message = match &self.binding.body {
            Body::None if is_blank => DynamicMessage::new(input),
            Body::None => return Err(bad_request("this method takes no body")),
            Body::Whole if is_http_body(&input) => self.http_body(&input, body.clone())?,
            Body::Field(field) => self.field(&input, field, &body, is_blank)?,
            Body::Whole if is_blank => DynamicMessage::new(input),
            Body::Whole => self.json(&input, &body)?,
        };
        self.settings.apply(&mut message);
        if let (Some(mask), Body::Field(field), false) = (&self.mask, &self.binding.body, is_blank) {
            fill_mask(&mut message, mask, field, &body)?;
        }
        Ok(message.encode_to_vec())
    }

    /// Leaves path, query and content type to the messages before.
    pub(super) fn only_body(&mut self) {
        self.settings = Settings::default();
        self.content_type.clear();
    }

    /// The request whose field is this body.
    fn field(
        &self,
        input: &MessageDescriptor,
        field: &FieldDescriptor,
        body: &Bytes,
        is_blank: bool,
    ) -> Result<DynamicMessage, Status> {
        let value = match field.kind() {
            Kind::Message(inner) if holds_http_body(field) => {
                Some(Value::Message(self.http_body(&inner, body.clone())?))
            }
            _ if is_blank => None,
            _ => {
                let value = json::decode_field(field, body, &self.binding.method.json);
                value.map_err(|status| status.with_flag(Flag::ClientProtocolError))?
            }
        };
        let mut message = DynamicMessage::new(input.clone());
        if let Some(value) = value {
            message.set_field(field, value);
        }
        Ok(message)
    }

    fn json(&self, message: &MessageDescriptor, json: &[u8]) -> Result<DynamicMessage, Status> {
        let decoded = json::decode_message(message, json, &self.binding.method.json);
        decoded.map_err(|status| status.with_flag(Flag::ClientProtocolError))
    }

    fn http_body(&self, message: &MessageDescriptor, data: Bytes) -> Result<DynamicMessage, Status> {
        let body = HttpBody { content_type: self.content_type.clone(), data };
        let mut message = DynamicMessage::new(message.clone());
        let made = message.transcode_from(&body);
        made.map_err(|_| Status::internal("the descriptors have a google.api.HttpBody of another shape"))?;
        Ok(message)
    }
}

/// `update_mask`, if it is the only field mask of the request and the body is a message that it can be about.
fn mask_field(binding: &Binding) -> Option<FieldDescriptor> {
    let Body::Field(body) = &binding.body else { return None };
    let is_message = matches!(body.kind(), Kind::Message(message) if !is_opaque(&message));
    if body.is_list() || body.is_map() || !is_message {
        return None;
    }
    let is_mask = |field: &FieldDescriptor| match field.kind() {
        Kind::Message(message) => message.full_name() == "google.protobuf.FieldMask",
        _ => false,
    };
    let input = binding.method.input();
    let mut masks = input.fields().filter(is_mask);
    let mask = masks.next().filter(|mask| mask.name() == "update_mask" && !mask.is_list())?;
    masks.next().is_none().then_some(mask)
}

fn fill_mask(
    message: &mut DynamicMessage,
    mask: &FieldDescriptor,
    body: &FieldDescriptor,
    json: &[u8],
) -> Result<(), Status> {
    // Without the mask the upstream would take the call for another one.
    let json = serde_json::from_slice::<Json>(json)
        .map_err(|error| bad_request(format!("no update_mask can be made of the body: {error}")))?;
    let (Kind::Message(of_mask), Kind::Message(of_body)) = (mask.kind(), body.kind()) else { return Ok(()) };
    let mut paths = Vec::new();
    collect_paths(&of_body, &json, "", &mut paths);
    if let Some(filled) = value::field_mask(&of_mask, paths) {
        message.set_field(mask, Value::Message(filled));
    }
    Ok(())
}

/// The path of each field that JSON mentions: of messages in it those of their fields.
fn collect_paths(message: &MessageDescriptor, json: &Json, before: &str, paths: &mut Vec<String>) {
    let Json::Object(entries) = json else { return };
    for (name, json) in entries {
        let field = message.get_field_by_json_name(name).or_else(|| message.get_field_by_name(name));
        let Some(field) = field else { continue };
        let path = format!("{before}{}", field.name());
        match (field.kind(), json) {
            (Kind::Message(inner), Json::Object(entries))
                if !field.is_list() && !field.is_map() && !is_opaque(&inner) && !entries.is_empty() =>
            {
                collect_paths(&inner, json, &format!("{path}."), paths);
            }
            _ => paths.push(path),
        }
    }
}

/// Whether the JSON of a message does not show its fields.
fn is_opaque(message: &MessageDescriptor) -> bool {
    message.full_name().starts_with("google.protobuf.")
}
