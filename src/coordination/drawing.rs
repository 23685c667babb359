//! Patterns as mermaid drawings.

use std::fmt::{Display, Write};

/// A flowchart that is being drawn, from left to right.
pub(crate) struct Flowchart(String);

impl Flowchart {
    pub(crate) fn new() -> Self {
        Self(String::from("flowchart LR\n    input([input])\n"))
    }

    pub(crate) fn node(&mut self, id: impl Display, label: &str) {
        let _ = writeln!(self.0, "    {id}[\"{}\"]", escaped(label));
    }

    /// A node where something is decided.
    pub(crate) fn gate(&mut self, id: impl Display, label: &str) {
        let _ = writeln!(self.0, "    {id}{{{{\"{}\"}}}}", escaped(label));
    }

    pub(crate) fn arrow(&mut self, from: impl Display, to: impl Display) {
        let _ = writeln!(self.0, "    {from} --> {to}");
    }

    pub(crate) fn dotted(&mut self, from: impl Display, to: impl Display, label: &str) {
        let _ = writeln!(self.0, "    {from} -. {label} .-> {to}");
    }

    pub(crate) fn finish(mut self, last: impl IntoIterator<Item = impl Display>) -> String {
        self.0.push_str("    output([output])\n");
        for from in last {
            self.arrow(from, "output");
        }
        self.0
    }
}

/// Text that ends neither its label nor its line: what would is written as
/// mermaid's entity.
pub(crate) fn escaped(text: &str) -> String {
    escaped_with(text, |_| None)
}

/// As [`escaped`], where more than that has a meaning.
pub(crate) fn escaped_with(text: &str, more: fn(char) -> Option<&'static str>) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match (more(c), c) {
            (Some(entity), _) => escaped += entity,
            (None, '"') => escaped += "#quot;",
            (None, '#') => escaped += "#35;",
            (None, '<') => escaped += "#lt;",
            (None, '>') => escaped += "#gt;",
            (None, c) if c.is_control() => escaped.push(' '),
            (None, c) => escaped.push(c),
        }
    }
    escaped
}
