//! Whose reads are let in.

use super::scene::Scene;

const SITE: &str = "Sec-Fetch-Site";
const MODE: &str = "Sec-Fetch-Mode";
const DEST: &str = "Sec-Fetch-Dest";

#[tokio::test]
async fn what_another_page_has_the_browser_read_is_refused_unless_it_is_opened_in_a_tab() {
    let scene = Scene::new().await;
    let (navigate, document) = ((MODE, "navigate"), (DEST, "document"));
    let reads: [(u16, &[(&str, &str)]); 10] = [
        (200, &[]),
        (
            200,
            &[(SITE, "same-origin"), (MODE, "cors"), (DEST, "empty")],
        ),
        (200, &[(SITE, "none"), navigate, document]),
        (200, &[(SITE, "cross-site"), navigate, document]),
        (
            403,
            &[(SITE, "cross-site"), (MODE, "no-cors"), (DEST, "image")],
        ),
        (
            403,
            &[(SITE, "same-site"), (MODE, "no-cors"), (DEST, "image")],
        ),
        (
            403,
            &[(SITE, "cross-site"), (MODE, "cors"), (DEST, "empty")],
        ),
        (403, &[(SITE, "cross-site"), navigate, (DEST, "iframe")]),
        (403, &[(SITE, "same-origin"), (SITE, "cross-site")]),
        (
            403,
            &[
                (SITE, "cross-site"),
                navigate,
                document,
                ("Sec-Purpose", "prefetch"),
            ],
        ),
    ];
    for (expected, headers) in reads {
        let answer = scene.get_with("/events", headers).await;
        assert_eq!(answer.status(), expected, "{headers:?}");
    }
}
