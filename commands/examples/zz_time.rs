//! temp
use std::time::Instant;
fn main() {
    for p in [r"(?s)-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\z)",
     r"(?i)(authorization\\?[\x22']?\s*[:=]\s*\\?[\x22']?(?:(?:basic|bearer|digest|token|bot)\s+)?)[^\s\x22',\\]+",
     r"(?i)(?-u:\b)(bearer\s+)[a-z0-9._~+/=-]{12,}",
     r"(?i)(://[^\s/:@]*:)[^\s/]+@", r"(?i)(://)[^\s/:@\[]{16,}@", r"(://)[^\x00-\x20/:@\[]{16,}@",r"(://)[^\x00-\x20/:@\[]+@",
     r"(?-u:\b)[A-Za-z0-9_-]{23,28}\.[A-Za-z0-9_-]{6,7}\.[A-Za-z0-9_-]{27,}",
     r"(?-u:\b)[rs]k_(?:live|test)_[A-Za-z0-9]{10,}|(?-u:\b)sk-[A-Za-z0-9_-]{20,}|(?-u:\b)AIza[A-Za-z0-9_-]{35}",
     r#"(?i)((?:pass(?:word|wd|phrase|code)|(?-u:\b)pass(?-u:\b)|(?-u:\b)pwd|secret|token|api[_-]?key|(?:access|private|signing|encryption|auth|account|session)[_-]?key|session[_-]?id|credential)[a-z0-9_.-]*\\?["']?\s*(?:=>|[:=])\s*)(?:(\\")[^"\\]*|(")(?:[^"\\]|\\.)*|(')[^']*|[^\s;&"']+)"#,
    ] {
        let t = Instant::now();
        let r = regex::Regex::new(p).unwrap();
        let a = t.elapsed();
        let _ = r.replace_all("hello world", "x");
        println!("{a:?} {:?} {}", t.elapsed(), &p[..30.min(p.len())]);
    }
}
