//! RFC 8259, told again: strict, and nothing is lost. Numbers stay as they are written, objects keep
//! every member.

#[derive(Debug, PartialEq)]
pub enum Value {
    Null,
    Boolean,
    Number(String),
    /// None: its escapes make no text (a surrogate that stands alone), which the grammar allows.
    String(Option<String>),
    Array(Vec<Value>),
    Object(Vec<(Option<String>, Value)>),
}

/// Reads a whole text.
pub fn read(text: &str) -> Option<Value> {
    let mut reader = Reader(text);
    let value = reader.value()?;
    reader.0.is_empty().then_some(value)
}

/// What is left to read.
struct Reader<'a>(&'a str);

impl Reader<'_> {
    /// A value and the white space around it.
    fn value(&mut self) -> Option<Value> {
        self.skip_space();
        let value = match self.0.bytes().next()? {
            b'{' => Value::Object(self.items('{', '}', Self::member)?),
            b'[' => Value::Array(self.items('[', ']', Self::value)?),
            b'"' => Value::String(self.string()?),
            b'n' => self.word("null", Value::Null)?,
            b't' => self.word("true", Value::Boolean)?,
            b'f' => self.word("false", Value::Boolean)?,
            _ => self.number()?,
        };
        self.skip_space();
        Some(value)
    }

    fn member(&mut self) -> Option<(Option<String>, Value)> {
        self.skip_space();
        let name = self.string()?;
        self.skip_space();
        self.take(':')?;
        Some((name, self.value()?))
    }

    fn items<T>(
        &mut self,
        open: char,
        close: char,
        item: impl Fn(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        self.take(open)?;
        self.skip_space();
        let mut items = Vec::new();
        if self.take(close).is_some() {
            return Some(items);
        }
        loop {
            items.push(item(self)?);
            if self.take(close).is_some() {
                return Some(items);
            }
            self.take(',')?;
        }
    }

    fn string(&mut self) -> Option<Option<String>> {
        self.take('"')?;
        let mut units = Vec::new();
        loop {
            let next = self.next()?;
            match next {
                '"' => return Some(String::from_utf16(&units).ok()),
                '\\' => units.push(self.escape()?),
                '\0'..' ' => return None,
                _ => units.extend_from_slice(next.encode_utf16(&mut [0; 2])),
            }
        }
    }

    fn escape(&mut self) -> Option<u16> {
        Some(match self.next()? {
            same @ ('"' | '\\' | '/') => same as u16,
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'u' => {
                let digits = self.0.get(..4)?;
                self.0 = &self.0[4..];
                let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                u16::from_str_radix(digits, 16).ok().filter(|_| is_hex)?
            }
            _ => return None,
        })
    }

    fn number(&mut self) -> Option<Value> {
        let start = self.0;
        let _ = self.take('-');
        if self.take('0').is_none() {
            self.digits()?;
        }
        if self.take('.').is_some() {
            self.digits()?;
        }
        if self.take('e').or_else(|| self.take('E')).is_some() {
            let _ = self.take('+').or_else(|| self.take('-'));
            self.digits()?;
        }
        let length = start.len() - self.0.len();
        Some(Value::Number(start[..length].to_owned()))
    }

    fn digits(&mut self) -> Option<()> {
        let rest = self
            .0
            .trim_start_matches(|digit: char| digit.is_ascii_digit());
        let found = rest.len() < self.0.len();
        self.0 = rest;
        found.then_some(())
    }

    fn word(&mut self, word: &str, value: Value) -> Option<Value> {
        self.0 = self.0.strip_prefix(word)?;
        Some(value)
    }

    fn take(&mut self, expected: char) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    fn next(&mut self) -> Option<char> {
        let mut rest = self.0.chars();
        let next = rest.next()?;
        self.0 = rest.as_str();
        Some(next)
    }

    fn skip_space(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t', '\n', '\r']);
    }
}
