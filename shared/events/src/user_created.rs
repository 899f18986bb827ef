//! `user.created`: somebody signed up.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::json_fields::{JsonFields, WrongField};
use crate::{EmailAddress, PersonName};

/// The data of `user.created` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserCreated {
    /// The user's id; the event's subject too.
    pub user_id: String,
    /// The address the user signed up with.
    pub email: EmailAddress,
    /// The name the user signed up with.
    pub name: PersonName,
}

impl UserCreated {
    /// The name on the wire.
    pub const TYPE: &'static str = "user.created";
    /// The version new events carry.
    pub const VERSION: &'static str = "1.0";
    /// The schema new events point to.
    pub const SCHEMA: &'static str = "https://schemas.example.com/user-created/v1";

    /// Reads the data of any 1.x. Fields it does not know are a later minor's: ignored.
    pub(crate) fn from_data(data: &Map<String, Value>) -> Result<Self, WrongField> {
        let fields = JsonFields::new("data.", data);
        let email = fields.text("email")?;
        let name = fields.text("name")?;
        Ok(Self {
            user_id: fields.identifier("user_id")?.to_owned(),
            email: EmailAddress::parse(email)
                .map_err(|reason| fields.wrong("email", reason.to_string()))?,
            name: PersonName::parse(name)
                .map_err(|reason| fields.wrong("name", reason.to_string()))?,
        })
    }
}
