//! Spellings of a protected path that a careless server reads as that path, or as one below an open path.

/// Request targets that may lead to `route`, none of them written as it is. `open` are prefixes that are not asked
/// about.
pub(super) fn spellings(route: &str, open: &[&str]) -> Vec<String> {
    let name = route.trim_start_matches('/');
    let mut all = vec![
        format!("/{route}"),
        format!("/.{route}"),
        format!("/%2e{route}"),
        format!("/x/..{route}"),
        format!("/x/%2e%2e{route}"),
        format!("/..;{route}"),
        format!("/x%2f..%2f{name}"),
        format!("/x\\..\\{name}"),
        format!("{route}%00"),
        format!("{}/.", route.trim_end_matches('/')),
    ];
    if let Some(first) = name.bytes().next() {
        all.push(format!("/%{first:02x}{}", name.get(1..).unwrap_or_default()));
        all.push(format!("/%25{first:02x}{}", name.get(1..).unwrap_or_default()));
        all.push(format!("/{}", name.to_ascii_uppercase()));
        all.push(format!("{route};x"));
    }
    for prefix in open {
        let prefix = prefix.trim_end_matches('/');
        for up in ["..", "%2e%2e", ".%2E", "..;"] {
            let up = format!("/{up}").repeat(depth(prefix).max(1));
            all.push(format!("{prefix}{up}{route}"));
        }
        all.push(format!("{prefix}/..%2f{name}"));
        all.push(format!("{prefix}%2f..{route}"));
        all.push(format!("{prefix}/..\\{name}"));
    }
    all.retain(|target| target != route);
    all
}

/// How many segments it has.
fn depth(path: &str) -> usize {
    path.split('/').filter(|segment| !segment.is_empty()).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::path::RequestPath;

    #[test]
    fn no_spelling_is_the_path_itself_and_every_one_can_be_sent() {
        for route in ["/", "/notes/1", "/é".to_owned().as_str(), "/a/"] {
            for target in spellings(route, &["/_bmauth/", "/public", "/a/b"]) {
                assert_ne!(target, route);
                assert!(!route.is_ascii() || target.parse::<http::Uri>().is_ok(), "{target}");
            }
        }
    }

    #[test]
    fn dotted_spellings_lead_to_the_route_and_are_refused_or_read_as_it() {
        let all = spellings("/notes/1", &["/public", "/a/b"]);
        for target in ["//notes/1", "/x/../notes/1", "/public/../notes/1", "/public/..;/notes/1", "/a/b/../../notes/1"]
        {
            assert!(all.iter().any(|found| found == target), "{target}");
            let read = RequestPath::parse(target.as_bytes());
            assert!(read.map_or(true, |path| path.readings().any(|reading| reading == b"/notes/1")), "{target}");
        }
        assert!(all.iter().any(|found| found == "/%6eotes/1"));
        assert!(all.iter().any(|found| found == "/NOTES/1"));
    }
}
