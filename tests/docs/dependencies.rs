//! Each dependency has its reason: a comment in Cargo.toml, one line above it. They stand in the order of their names.

use super::read;

#[test]
fn each_dependency_has_its_reason_and_they_are_sorted() {
    let manifest = read("Cargo.toml");
    let mut count = 0;
    for section in ["[dependencies]\n", "[dev-dependencies]\n"] {
        let (_, rest) = manifest.split_once(section).expect("a section");
        let lines: Vec<&str> = rest.lines().take_while(|line| !line.is_empty()).collect();
        let mut last = "";
        for pair in lines.chunks(2) {
            let [reason, dependency] = pair else { panic!("{pair:?}: a reason and a dependency by turns") };
            assert!(
                reason.starts_with("# ") && reason.ends_with('.'),
                "{dependency} has no sentence above it: {reason:?}"
            );
            let name = dependency.split(' ').next().expect("a name");
            assert!(last < name, "{name} stands behind {last}");
            last = name;
            count += 1;
        }
    }
    assert!(count > 60, "the dependencies are not where this test looks for them");
}
