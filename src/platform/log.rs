//! The port for log lines.

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Business as usual.
    Info,
    /// Kith coped, but someone should know.
    Warn,
    /// Someone must act.
    Error,
}

impl Level {
    /// The level as it stands in the line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Takes log lines: one JSON object each, without tokens, mail addresses or bodies.
pub trait Log: Send + Sync {
    /// Writes one line.
    fn write(&self, level: Level, line: &str);
}
