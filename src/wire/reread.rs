//! The configuration read again, to say what of it does not hold yet.

use crate::config::written::Fingerprint;
use crate::config::{self, Config, ConfigErrors, ConfigSource};

/// What the configuration that runs was read from, and what it said then.
#[derive(Debug)]
pub struct Reread {
    source: ConfigSource,
    running: Fingerprint,
}

impl Reread {
    /// For a configuration that was read from `source`.
    pub fn of(config: &Config, source: ConfigSource) -> Self {
        Self { source, running: config.written.clone() }
    }

    /// Reads the same again, with the same variables and flags; returns the names of what is otherwise now. It blocks.
    ///
    /// # Errors
    /// All that is wrong with it now.
    pub fn differences(&self) -> Result<Vec<String>, ConfigErrors> {
        let now = config::load(self.source.clone())?;
        Ok(self.running.differences(&now.written))
    }

    /// Says so in the log: a protection that is only written must not be believed in. It blocks.
    pub fn log_differences(&self) {
        match self.differences() {
            Ok(names) if names.is_empty() => tracing::info!("the configuration says what it said at the start"),
            Ok(names) => tracing::error!(
                not_applied = names.join("; "),
                "the configuration has changed and does NOT hold yet: restart the gateway to apply it"
            ),
            Err(errors) => {
                for problem in errors.problems() {
                    tracing::error!(place = %problem.place, problem = problem.message, "the configuration cannot be used any more");
                }
                tracing::error!(
                    problems = errors.problems().len(),
                    "the configuration from the start goes on; a restart would fail until this is mended"
                );
            }
        }
    }
}
