//! What somebody may have meant who misspelt a name.

/// The name most like `wanted`, if one is so much like it that it may be meant.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = (wanted.chars().count() / 3).max(1);
    names
        .map(|name| (distance(wanted, name), name))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, name)| name)
}

/// Letters to insert, delete or exchange to make one word of the other
/// (Levenshtein), by one row of the table at a time.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let exchanged = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("größe", "große"), 1);
    }

    #[test]
    fn only_what_is_alike_is_suggested() {
        let names = ["compile", "link", "test"];
        assert_eq!(nearest("compiel", names.into_iter()), Some("compile"));
        assert_eq!(nearest("lnik", names.into_iter()), None);
        assert_eq!(nearest("lin", names.into_iter()), Some("link"));
        assert_eq!(nearest("publish", names.into_iter()), None);
    }
}
