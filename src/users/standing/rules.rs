//! What a role, a status and a plan can be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Rule, Violation};

/// The values of one of them, as they are stored, sent and shown.
macro_rules! word {
    ($(#[$doc:meta])* $name:ident { $($(#[$says:meta])* $value:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$says])* $value,)+
        }

        impl $name {
            /// As it is stored and shown.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $text,)+
                }
            }

            /// Reads what was sent.
            ///
            /// # Errors
            /// [`Rule::InvalidValue`] at `pointer`.
            pub fn parse(pointer: &str, text: &str) -> Result<Self, Violation> {
                match text {
                    $($text => Ok(Self::$value),)+
                    _ => Err(Violation::new(pointer, Rule::InvalidValue)),
                }
            }
        }
    };
}

word!(
    /// What an account may do beyond its own.
    Role {
        /// Nothing.
        User = "user",
        /// Act on what people report.
        Moderator = "moderator",
        /// Whatever there is to do.
        Admin = "admin",
    }
);

word!(
    /// Whether an account may act. What was deleted has no standing.
    Status {
        /// It may.
        Active = "active",
        /// It may not, and nobody sees it.
        Suspended = "suspended",
    }
);

word!(
    /// What an account has paid for.
    Plan {
        /// Nothing.
        Free = "free",
        /// No limit to what it sells.
        Pro = "pro",
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_stored_as_it_is_sent() {
        for text in ["user", "moderator", "admin"] {
            let role = Role::parse("/role", text).unwrap();
            assert_eq!(serde_json::to_value(role).unwrap(), text);
            assert_eq!(role.as_str(), text);
        }
        for text in ["active", "suspended"] {
            assert_eq!(Status::parse("/status", text).unwrap().as_str(), text);
        }
        for text in ["free", "pro"] {
            assert_eq!(Plan::parse("/plan", text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn no_other_word_is_one() {
        for text in ["", "Admin", "admin ", "root", "deleted"] {
            let refused = Violation::new("/role", Rule::InvalidValue);
            assert_eq!(Role::parse("/role", text), Err(refused));
            assert!(Status::parse("/status", text).is_err(), "{text}");
        }
    }
}
