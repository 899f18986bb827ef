//! `user.deleted`: a user is gone.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::json_fields::{JsonFields, WrongField};

/// The data of `user.deleted` 1.x. Nothing personal: the event outlives the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserDeleted {
    /// The user's id; the event's subject too.
    pub user_id: String,
}

impl UserDeleted {
    /// The name on the wire.
    pub const TYPE: &'static str = "user.deleted";
    /// The version new events carry.
    pub const VERSION: &'static str = "1.0";
    /// The schema new events point to.
    pub const SCHEMA: &'static str = "https://schemas.example.com/user-deleted/v1";

    /// Reads the data of any 1.x.
    pub(crate) fn from_data(data: &Map<String, Value>) -> Result<Self, WrongField> {
        let fields = JsonFields::new("data.", data);
        Ok(Self {
            user_id: fields.identifier("user_id")?.to_owned(),
        })
    }
}
