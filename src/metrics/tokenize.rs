//! The tokenizer `13a` of WMT's evaluations, as in sacreBLEU.

/// Words, numbers and single signs.
pub(super) fn tokenize_13a(text: &str) -> Vec<String> {
    let mut text = text.trim_end().replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    for (entity, sign) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
        text = text.replace(entity, sign);
    }
    let is_sign = |c: char| matches!(c, '{'..='~' | '['..='`' | ' '..='&' | '('..='+' | ':'..='@' | '/');
    let mut apart: Vec<char> = vec![' '];
    for c in text.chars() {
        if is_sign(c) { apart.extend([' ', c, ' ']) } else { apart.push(c) }
    }
    apart.push(' ');
    let (is_digit, is_point) = (|c: char| c.is_ascii_digit(), |c: char| c == '.' || c == ',');
    let apart = pairs(&apart, |a, b| !is_digit(a) && is_point(b), |a, b| [a, ' ', b, ' '].into());
    let apart = pairs(&apart, |a, b| is_point(a) && !is_digit(b), |a, b| [' ', a, ' ', b].into());
    let apart = pairs(&apart, |a, b| is_digit(a) && b == '-', |a, b| [a, ' ', b, ' '].into());
    apart.iter().collect::<String>().split_whitespace().map(String::from).collect()
}

/// Replaces pairs of characters from the left; a character is in one pair at most.
fn pairs(text: &[char], matches: impl Fn(char, char) -> bool, replaced: impl Fn(char, char) -> Vec<char>) -> Vec<char> {
    let (mut out, mut i) = (Vec::with_capacity(text.len()), 0);
    while i < text.len() {
        match text.get(i + 1) {
            Some(next) if matches(text[i], *next) => {
                out.extend(replaced(text[i], *next));
                i += 2;
            }
            _ => {
                out.push(text[i]);
                i += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::tokenize_13a;

    #[test]
    fn numbers_keep_their_points_and_words_do_not() {
        let tokens = tokenize_13a("Mr. Smith's 1,234.5-year (old) dog, &quot;x-ray&quot;... 3-4.");
        let want = "Mr . Smith's 1,234.5 - year ( old ) dog , \" x-ray \" . . . 3 - 4 .";
        assert_eq!(tokens.join(" "), want);
    }
}
