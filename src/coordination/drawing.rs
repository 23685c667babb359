//! Patterns as mermaid flowcharts.

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

/// What would end a label is written as mermaid's entity.
fn escaped(label: &str) -> String {
    label.replace('"', "#quot;").replace('\n', " ")
}
