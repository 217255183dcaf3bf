//! What a role, a status and a plan can be.

use crate::word::word;

word!(
    /// What an account may do beyond its own.
    pub Role {
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
    pub Status {
        /// It may.
        Active = "active",
        /// It may not, and nobody sees it.
        Suspended = "suspended",
    }
);

word!(
    /// What an account has paid for.
    pub Plan {
        /// Nothing.
        Free = "free",
        /// No limit to what it sells.
        Pro = "pro",
    }
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Rule, Violation};

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
