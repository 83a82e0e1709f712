internal import HTTPTypes

/// Where a token is asked for.
enum SignInPage {
    /// The page.
    static func html(_ viewer: Page.Viewer) -> String {
        Page(title: "Sign in").html(viewer) {
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

/// What is shown where a page can't be.
enum ErrorPage {
    /// The page.
    static func html(_ error: AdminError, _ viewer: Page.Viewer) -> String {
        Page(title: error.status.reasonPhrase).html(viewer) {
            HTML.element("p", ["class": "notice critical", "data-message": ""]) {
                error.message.prefix(1).uppercased() + error.message.dropFirst() + "."
            }
            HTML.element("p") { HTML.element("a", ["href": Link.home]) { "To the overview" } }
        }
    }
}
