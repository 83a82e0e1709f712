import Curfew
import Testing

@testable import Admin

@Suite("Dashboard: HTML")
struct DashboardHTMLTests {
    @Test("text and attributes are escaped, whoever wrote them")
    func escaping() {
        let html = HTML.element("a", ["href": "\"><script>", "title": nil, "hidden": ""]) { "<b>'&\"</b>" }
        #expect(
            html.markup
                == "<a href=\"&quot;&gt;&lt;script&gt;\" hidden>&lt;b&gt;&#39;&amp;&quot;&lt;/b&gt;</a>")
    }

    @Test("characters that could make a line look like another one are replaced")
    func control() {
        #expect(HTML("a\u{0}b\u{1B}c\u{202E}d\ne").markup == "a\u{FFFD}b\u{FFFD}c\u{FFFD}d\ne")
    }

    @Test("elements without content have no end")
    func empty() {
        #expect(HTML.element("br").markup == "<br>")
        #expect(HTML.element("p").markup == "<p></p>")
    }

    @Test("a name becomes one part of an address")
    func links() {
        #expect(Link.cleanup("a/b?c#d\"<é") == "/cleanups/a%2Fb%3Fc%23d%22%3C%C3%A9")
        #expect(Link.run("stuck-jobs-41", "undo") == "/runs/stuck-jobs-41/undo")
    }

    @Test("numbers and sizes are made for reading")
    func wording() {
        #expect(Wording.number(1_234_567) == "1\u{202F}234\u{202F}567")
        #expect(Wording.number(-12) == "−12")
        #expect(ByteCount.text(1_536) == "1.5 KiB")
        #expect(Wording.distance(-61_000) == "1m1s ago")
    }

    @Test("a part is the same while only the words of its times change")
    func signature() {
        func fragment(_ words: String, _ text: String = "x") -> Fragment {
            let time = HTML.element("time", ["datetime": "2026-01-01T00:00:00Z"]) { words }
            return Fragment(id: "a", content: .joined([HTML(text), time, HTML("<time y")]))
        }
        #expect(fragment("1s ago").signature == fragment("2s ago").signature)
        #expect(fragment("1s ago").signature != fragment("1s ago", "z").signature)
        #expect(fragment("1s ago").signature.hasSuffix("&lt;time y"))
    }
}
