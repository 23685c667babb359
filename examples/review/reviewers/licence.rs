//! Licence headers: an SPDX line, or the words of well-known licences.

use crate::page::Licence;
use crate::source::Line;

/// Lines in which a header is looked for.
const LINES: usize = 40;

/// What well-known headers say, in lower case; the first that fits counts.
const KNOWN: [(&str, &str); 10] = [
    (
        "licensed under the apache license, version 2.0",
        "Apache-2.0",
    ),
    ("mozilla public license, v. 2.0", "MPL-2.0"),
    ("gnu lesser general public license", "LGPL"),
    ("gnu affero general public license", "AGPL"),
    ("gnu general public license", "GPL"),
    ("permission is hereby granted, free of charge", "MIT"),
    ("mit license", "MIT"),
    ("bsd-style license", "BSD"),
    ("redistribution and use in source and binary forms", "BSD"),
    ("all rights reserved", "all rights reserved"),
];

pub(super) fn of(lines: &[Line<'_>]) -> Option<Licence> {
    let mut before = String::new();
    let lines = (1..).zip(lines).take(LINES);
    for (number, line) in lines.filter(|(_, line)| line.has_comment) {
        let line = line.text;
        if let Some((_, name)) = line.split_once("SPDX-License-Identifier:") {
            let name = name.trim().trim_end_matches("*/").trim_end_matches("-->");
            return Some(Licence {
                name: name.trim().into(),
                line: number,
            });
        }
        // A sentence may go over two lines; what begins them is no part of it.
        let line = line
            .trim()
            .trim_start_matches(['/', '*', '#', ';', '!', '-', ' ']);
        let line = line.to_lowercase();
        let both = format!("{before} {line}");
        let known = KNOWN.iter().find(|(words, _)| both.contains(words));
        if let Some((_, name)) = known {
            return Some(Licence {
                name: (*name).into(),
                line: number,
            });
        }
        before = line;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use crate::source::lines;

    fn name(text: &str) -> Option<(String, u32)> {
        let language = match text.starts_with('#') {
            true => Language::Python,
            false => Language::Rust,
        };
        of(&lines(text, language)).map(|licence| (licence.name.to_string(), licence.line))
    }

    #[test]
    fn headers_are_known_by_their_words() {
        let spdx = "// Copyright\n/* SPDX-License-Identifier: MIT OR Apache-2.0 */\n";
        assert_eq!(name(spdx), Some(("MIT OR Apache-2.0".into(), 2)));
        let split = "# Licensed under the Apache\n# License, Version 2.0 (the \"License\")\n";
        assert_eq!(name(split), Some(("Apache-2.0".into(), 2)));
        assert_eq!(name("let text = \"MIT License\";\n"), None, "that is code");
        let late = format!("{}// MIT License\n", "\n".repeat(LINES));
        assert_eq!(name(&late), None, "that is no header");
    }
}
