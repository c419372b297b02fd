//! Words in colours.

use std::fmt::{self, Write};

use crate::tensor::Float;

/// Words on a background in the colour of their attributions: green for what speaks for the class, red for what speaks against it.
/// It prints itself for a terminal, and [`html`](ColoredWords::html) is for a page.
///
/// ```
/// use gradus::explain::ColoredWords;
/// let words = ColoredWords::new(["a", "moving", "film"], &[0.0, 0.9, -0.1]);
/// println!("{words}");
/// assert!(words.html().contains("<span style=\"background:rgba(40,160,60,0.80)\" title=\"0.900\">moving</span>"));
/// ```
///
/// The strongest colour is that of the largest attribution.
#[derive(Clone, Debug, PartialEq)]
pub struct ColoredWords {
    words: Vec<(String, Float)>,
    most: Float,
}

impl ColoredWords {
    /// Pairs words with their attributions; those without a partner are left out.
    pub fn new<S: Into<String>>(words: impl IntoIterator<Item = S>, attributions: &[Float]) -> Self {
        let words: Vec<(String, Float)> = words.into_iter().map(Into::into).zip(attributions.iter().copied()).collect();
        let sizes = words.iter().map(|(_, number)| number.abs()).filter(|size| size.is_finite());
        Self { most: sizes.fold(Float::MIN_POSITIVE, Float::max), words }
    }

    /// Returns the words as spans of HTML, with the numbers as their titles.
    pub fn html(&self) -> String {
        let mut text = String::new();
        for (i, (word, number)) in self.words.iter().enumerate() {
            let [red, green, blue] = if *number > 0.0 { [40, 160, 60] } else { [210, 50, 50] };
            let word = word.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let space = if i == 0 { "" } else { " " };
            let strength = 0.8 * (number / self.most).abs();
            let _ = write!(
                text,
                "{space}<span style=\"background:rgba({red},{green},{blue},{strength:.2})\" title=\"{number:.3}\">{word}</span>"
            );
        }
        text
    }
}

impl fmt::Display for ColoredWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (word, number)) in self.words.iter().enumerate() {
            let space = if i == 0 { "" } else { " " };
            // Towards white, on which black can be read.
            let pale = (235.0 * (1.0 - (number / self.most).abs())) as u8;
            let [red, green, blue] = if *number > 0.0 { [pale, 235, pale] } else { [255, pale, pale] };
            write!(f, "{space}\x1b[30;48;2;{red};{green};{blue}m{word}\x1b[0m")?;
        }
        Ok(())
    }
}
