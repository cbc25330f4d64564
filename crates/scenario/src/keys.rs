use crate::nearest::nearest;
use crate::phrase::quoted;

/// The keys that a mapping may have, and what to say of those that it cannot have.
pub(crate) struct Keys {
    /// In the order in which the documentation has them.
    pub(crate) allowed: &'static [&'static str],
    /// Keys that people write here for a reason. The message is the key and this text.
    pub(crate) explained: &'static [(&'static [&'static str], &'static str)],
}

/// What is said of a key that may not be there.
pub(crate) struct Refusal {
    pub(crate) message: String,
    /// The key that was meant, so that it is not reported as missing as well.
    pub(crate) meant: Option<&'static str>,
}

impl Keys {
    pub(crate) const fn of(allowed: &'static [&'static str]) -> Self {
        Keys { allowed, explained: &[] }
    }

    /// `None` when the key is allowed.
    pub(crate) fn refuse(&self, key: &str) -> Option<Refusal> {
        if self.allowed.contains(&key) {
            return None;
        }
        if let Some((_, why)) = self.explained.iter().find(|(keys, _)| keys.contains(&key)) {
            return Some(Refusal { message: format!("{} {why}", quoted(key)), meant: None });
        }
        let meant = nearest(key, self.allowed.iter().copied());
        let advice = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the keys here are {}", self.allowed.join(", ")),
        };
        Some(Refusal { message: format!("unknown key {}: {advice}", quoted(key)), meant })
    }
}
