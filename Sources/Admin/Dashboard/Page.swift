internal import Curfew
internal import Policies
internal import RedisClient

/// The frame around the content of every page.
struct Page: Sendable {
    /// The person who views a page.
    struct Viewer: Sendable {
        /// Their role; nil before sign-in.
        var role: Role?
        /// Their name on pages.
        var title = ""
        /// Whether there is a session that can be ended.
        var isSignedIn: Bool
        /// The code that forms must carry.
        var formToken: String
        /// The result of their last action.
        var notice: Notice?
    }

    /// The title, also the heading of the page.
    let title: String
    /// The subject that is kept up to date, and the parts that the page shows; nil if the page is static.
    var live: (subject: LiveSubject, parts: [Fragment])?
    /// The names of the cleanups, for the navigation.
    var cleanups: [String] = []
    /// The cleanup that is shown.
    var current: String?

    /// The time on the clock of Redis; nil if the page shows no times.
    var now: Timestamp?

    /// How many cleanups the navigation lists; the overview lists all.
    private static let listed = 30

    /// The whole page.
    func html(_ viewer: Viewer, @HTMLBuilder _ content: () -> HTML) -> String {
        HTML.document(
            .element("html", ["lang": "en"]) {
                head
                HTML.element("body", ["data-stream": live.map { Link.live($0.subject, showing: $0.parts) }]) {
                    HTML.element("a", ["class": "skip", "href": "#main"]) { "Skip to the content" }
                    header(viewer)
                    HTML.element("main", ["id": "main", "tabindex": "-1"]) {
                        HTML.element("h1") { title }
                        notice(viewer)
                        content()
                    }
                    HTML.element("footer") {
                        "Curfew \(CurfewVersion.current). Times are UTC, from the clock of Redis"
                        if let now {
                            let text = TimeForm.iso8601(.init()).text(for: now)
                            ", as of "
                            HTML.element("time", ["datetime": text, "data-now": ""]) { text }
                        }
                    }
                }
            }
        ).markup
    }

    private var head: HTML {
        .element("head") {
            HTML.element("meta", ["charset": "utf-8"])
            HTML.element("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"])
            HTML.element("meta", ["name": "color-scheme", "content": "light dark"])
            HTML.element("title") { "\(title) · Curfew" }
            HTML.element("link", ["rel": "icon", "type": "image/svg+xml", "href": Asset.icon.address])
            HTML.element("link", ["rel": "stylesheet", "href": Asset.style.address])
            HTML.element("script", ["src": Asset.script.address, "defer": ""])
        }
    }

    private func header(_ viewer: Viewer) -> HTML {
        .element("header") {
            HTML.element("a", ["class": "brand", "href": Link.home]) { "Curfew" }
            if !cleanups.isEmpty {
                HTML.element("nav", ["aria-label": "Cleanups"]) {
                    HTML.element("ul") {
                        cleanups.prefix(Self.listed).map { name in
                            .element("li") {
                                HTML.element(
                                    "a", ["href": Link.cleanup(name), "aria-current": name == current ? "page" : nil]
                                ) { name }
                            }
                        }
                        if cleanups.count > Self.listed {
                            HTML.element("li") {
                                HTML.element("a", ["href": Link.cleanups()]) {
                                    "All \(Wording.number(cleanups.count))"
                                }
                            }
                        }
                    }
                }
            }
            if viewer.role != nil {
                HTML.element("form", ["method": "get", "action": Link.records, "role": "search", "class": "find"]) {
                    HTML.input(
                        name: "id",
                        [
                            "type": "search", "required": "", "placeholder": "Find a record",
                            "aria-label": "Find a record by its id", "autocomplete": "off",
                        ])
                }
            }
            if viewer.isSignedIn {
                Form(action: Link.signOut, button: "Sign out", look: "plain").html(viewer) {
                    HTML.element("span", ["class": "who"]) { "Signed in as \(viewer.title)" }
                }
            }
        }
    }

    /// The containers of messages.
    ///
    /// They exist from the start, so that screen readers announce new messages.
    private func notice(_ viewer: Viewer) -> HTML {
        .joined([
            .element("div", ["id": "notice", "role": "status", "aria-live": "polite"]) {
                if let notice = viewer.notice {
                    HTML.element("p", ["class": notice.isRefusal ? "notice critical" : "notice good"]) { notice.text }
                }
            },
            .element("div", ["id": "connection", "role": "status", "aria-live": "polite"]),
        ])
    }
}

/// A form with one button, and the code that shows that a page of Curfew sent it.
struct Form: Sendable {
    /// The field with the code.
    static let tokenField = "form_token"

    /// The action.
    let action: String
    /// The button's label.
    let button: String
    /// How the button looks: `plain`, `main` or `danger`.
    var look = "plain"
    /// The confirmation question, if scripts run.
    var question: String?

    /// The form around its fields.
    func html(_ viewer: Page.Viewer, @HTMLBuilder _ fields: () -> HTML = { .nothing }) -> HTML {
        .element("form", ["method": "post", "action": action, "data-question": question]) {
            HTML.element("input", ["type": "hidden", "name": "form_token", "value": viewer.formToken])
            fields()
            HTML.element("button", ["type": "submit", "class": look]) { button }
        }
    }
}
