//! `user.updated`: a user has another address or name.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::json_fields::WrongField;
use crate::{EmailAddress, PersonName, UserCreated};

/// The data of `user.updated` 1.x: the whole new state, so that no older event is needed to read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserUpdated {
    /// The user's id; the event's subject too.
    pub user_id: String,
    /// The address the user has now.
    pub email: EmailAddress,
    /// The name the user has now.
    pub name: PersonName,
}

impl UserUpdated {
    /// The name on the wire.
    pub const TYPE: &'static str = "user.updated";
    /// The version new events carry.
    pub const VERSION: &'static str = "1.0";
    /// The schema new events point to.
    pub const SCHEMA: &'static str = "https://schemas.example.com/user-updated/v1";

    /// Reads the data of any 1.x; the fields are those of `user.created` 1.x.
    pub(crate) fn from_data(data: &Map<String, Value>) -> Result<Self, WrongField> {
        let UserCreated {
            user_id,
            email,
            name,
        } = UserCreated::from_data(data)?;
        Ok(Self {
            user_id,
            email,
            name,
        })
    }
}
