//! Closed lists of words: what is sent, stored and shown alike.

/// A type whose values are words. Its texts are in snake case, as `serde` makes them.
macro_rules! word {
    ($(#[$doc:meta])* $visible:vis $name:ident { $($(#[$says:meta])* $value:ident = $text:literal,)+ }) => {
        #[derive(
            Clone, Copy, Debug, serde::Deserialize, schemars::JsonSchema, PartialEq, Eq, serde::Serialize
        )]
        #[serde(rename_all = "snake_case")]
        $(#[$doc])*
        $visible enum $name {
            $($(#[$says])* $value,)+
        }

        impl $name {
            /// As it is stored and shown.
            #[must_use]
            $visible const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $text,)+
                }
            }

            /// Reads what was sent.
            ///
            /// # Errors
            /// [`Rule::InvalidValue`](crate::error::Rule) at `pointer`.
            $visible fn parse(pointer: &str, text: &str) -> Result<Self, crate::error::Violation> {
                match text {
                    $($text => Ok(Self::$value),)+
                    _ => Err(crate::error::Violation::new(
                        pointer,
                        crate::error::Rule::InvalidValue,
                    )),
                }
            }
        }
    };
}
pub(crate) use word;
