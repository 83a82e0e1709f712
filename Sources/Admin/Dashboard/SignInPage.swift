internal import HTTPTypes

/// The sign-in page.
enum SignInPage {
    /// The page, after a refusal with its reason.
    static func html(_ viewer: Page.Viewer, refusal: String? = nil) -> String {
        Page(title: "Sign in").html(viewer) {
            if let refusal {
                HTML.element("p", ["class": "notice critical", "role": "alert", "data-message": ""]) {
                    refusal.prefix(1).uppercased() + refusal.dropFirst() + "."
                }
            }
            Form(action: Link.signIn, button: "Sign in", look: "main").html(viewer) {
                HTML.element("label") {
                    "Admin or viewer token"
                    HTML.input(
                        name: "token",
                        ["type": "password", "required": "", "autocomplete": "current-password", "autofocus": ""])
                }
            }
        }
    }
}

/// The page that is shown for an error.
enum ErrorPage {
    /// The page.
    static func html(_ error: AdminError, _ viewer: Page.Viewer) -> String {
        Page(title: error.status.reasonPhrase).html(viewer) {
            HTML.element("p", ["class": "notice critical", "data-message": ""]) {
                error.message.prefix(1).uppercased() + error.message.dropFirst() + "."
            }
            HTML.element("p") { HTML.element("a", ["href": Link.home]) { "Back to the overview" } }
        }
    }
}
