//! What is let through the door.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;

use super::record::Handoff;

/// What a handoff may be at most. Checked before anybody is offered it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandoffBounds {
    /// Utterances in the history. Default 1,000.
    pub history: usize,
    /// Bytes of one text: an utterance, a state, an artifact. Default 1 MiB.
    pub text: usize,
    /// Bytes of all texts together. Default 16 MiB.
    pub total: usize,
    /// Artifacts. Default 100.
    pub artifacts: usize,
    /// Entries in the state and in the preferences, each. Default 1,000.
    pub entries: usize,
    /// How long somebody may take to answer, in seconds. Default 86,400, a day.
    pub timeout_seconds: u64,
    /// Retries. Default 10.
    pub max_retries: u32,
    /// The types of artifacts that are known. Default code, data, document, image,
    /// log, plan, report and text.
    pub artifact_types: BTreeSet<String>,
}

impl Default for HandoffBounds {
    fn default() -> Self {
        let types = [
            "code", "data", "document", "image", "log", "plan", "report", "text",
        ];
        Self {
            history: 1_000,
            text: 1 << 20,
            total: 16 << 20,
            artifacts: 100,
            entries: 1_000,
            timeout_seconds: 86_400,
            max_retries: 10,
            artifact_types: types.map(String::from).into(),
        }
    }
}

impl HandoffBounds {
    /// Checks a handoff, field by field in their order.
    ///
    /// ```
    /// use callboard::coordination::handoff::{Artifact, Handoff, HandoffBounds, InvalidHandoff};
    ///
    /// let bounds = HandoffBounds::default();
    /// let handoff = Handoff::new("triage", "find out why the bill is wrong");
    /// assert_eq!(bounds.check(&handoff), Ok(()));
    /// let odd = handoff.artifact(Artifact::new("smell", "text", "of fish"));
    /// let unknown = InvalidHandoff::UnknownArtifact("smell".into());
    /// assert_eq!(bounds.check(&odd), Err(unknown));
    /// ```
    ///
    /// # Errors
    ///
    /// The first field that does not fit.
    pub fn check(&self, handoff: &Handoff) -> Result<(), InvalidHandoff> {
        let context = &handoff.context;
        let metadata = &handoff.metadata;
        let constraints = &context.constraints;
        for (field, text) in [
            ("from_agent", &handoff.from_agent),
            ("context.task_description", &context.task_description),
        ] {
            if text.trim().is_empty() {
                return Err(InvalidHandoff::Empty(field));
            }
        }
        let stamp = handoff.handoff_timestamp;
        if !stamp.is_finite() || stamp < 0.0 {
            return Err(InvalidHandoff::OutOfRange("handoff_timestamp"));
        }
        let (history, state) = (&context.conversation_history, &context.current_state);
        for (field, is, most) in [
            ("context.conversation_history", history.len(), self.history),
            ("context.current_state", state.len(), self.entries),
            ("artifacts", handoff.artifacts.len(), self.artifacts),
            (
                "metadata.preferences",
                metadata.preferences.len(),
                self.entries,
            ),
        ] {
            if is > most {
                return Err(InvalidHandoff::TooMany { field, most });
            }
        }
        if !(1..=self.timeout_seconds).contains(&constraints.timeout_seconds) {
            let field = "context.constraints.timeout_seconds";
            return Err(InvalidHandoff::OutOfRange(field));
        }
        if constraints.max_retries > self.max_retries {
            return Err(InvalidHandoff::OutOfRange(
                "context.constraints.max_retries",
            ));
        }
        for (field, share) in [
            ("context.constraints.quality", constraints.quality),
            ("metadata.confidence_score", metadata.confidence_score),
        ] {
            if share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
                return Err(InvalidHandoff::OutOfRange(field));
            }
        }
        let mut kinds = handoff.artifacts.iter().map(|artifact| &artifact.kind);
        if let Some(kind) = kinds.find(|kind| !self.artifact_types.contains(*kind)) {
            return Err(InvalidHandoff::UnknownArtifact(kind.clone()));
        }
        self.check_lengths(handoff)
    }

    fn check_lengths(&self, handoff: &Handoff) -> Result<(), InvalidHandoff> {
        let mut total = 0_usize;
        for (field, text) in texts(handoff) {
            if text.len() > self.text {
                let most = self.text;
                return Err(InvalidHandoff::TooLong { field, most });
            }
            total = total.saturating_add(text.len());
        }
        match total > self.total {
            true => Err(InvalidHandoff::TooLarge(self.total)),
            false => Ok(()),
        }
    }
}

/// All texts of a handoff, with the names of their fields.
fn texts(handoff: &Handoff) -> impl Iterator<Item = (&'static str, &str)> {
    let (context, metadata) = (&handoff.context, &handoff.metadata);
    let single = [
        ("from_agent", &handoff.from_agent),
        ("to_agent", &handoff.to_agent),
        ("context.task_description", &context.task_description),
        ("metadata.session_id", &metadata.session_id),
        ("metadata.user_id", &metadata.user_id),
    ];
    let errors = context.error_context.iter();
    let errors = errors.map(|text| ("context.error_context", text));
    let said = context.conversation_history.iter();
    let said = said.flat_map(|it| [&it.role, &it.content]);
    let said = said.map(|text| ("context.conversation_history", text));
    let state = context.current_state.iter().flat_map(|(k, v)| [k, v]);
    let state = state.map(|text| ("context.current_state", text));
    let made = handoff.artifacts.iter();
    let made = made.flat_map(|it| [&it.kind, &it.format, &it.content]);
    let made = made.map(|text| ("artifacts", text));
    let likes = metadata.preferences.iter().flat_map(|(k, v)| [k, v]);
    let likes = likes.map(|text| ("metadata.preferences", text));
    let all = single.into_iter().chain(errors).chain(said);
    let all = all.chain(state).chain(made).chain(likes);
    all.map(|(field, text)| (field, text.as_str()))
}

/// Why a handoff is refused at the door: the cause of the fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidHandoff {
    /// The field must not be empty.
    Empty(&'static str),
    /// A text in the field has more bytes than this.
    TooLong {
        /// Which field.
        field: &'static str,
        /// Bytes at most.
        most: usize,
    },
    /// The field has more entries than this.
    TooMany {
        /// Which field.
        field: &'static str,
        /// Entries at most.
        most: usize,
    },
    /// All texts together have more bytes than this.
    TooLarge(usize),
    /// The field's number is out of its range.
    OutOfRange(&'static str),
    /// This type of artifact is not known.
    UnknownArtifact(String),
}

impl fmt::Display for InvalidHandoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty(field) => write!(f, "the handoff's {field} is empty, say what it is"),
            Self::TooLong { field, most } => write!(
                f,
                "a text in the handoff's {field} is longer than {most} bytes, shorten it"
            ),
            Self::TooMany { field, most } => write!(
                f,
                "the handoff's {field} has more than {most} entries, leave some out"
            ),
            Self::TooLarge(most) => write!(
                f,
                "the handoff's texts are longer than {most} bytes together, shorten them"
            ),
            Self::OutOfRange(field) => write!(f, "the handoff's {field} is out of its range"),
            Self::UnknownArtifact(kind) => write!(
                f,
                "the handoff has an artifact of type {kind:?}, which is not known here"
            ),
        }
    }
}

impl Error for InvalidHandoff {}
