import Curfew
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Admin

@Suite("Dashboard: HTML", .tags(.pure))
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

    @Test("whatever bytes a text holds, it is text on the page, and as long as a page has room for")
    func anyBytes() throws {
        var random = Seeded(21)
        let pieces: [[UInt8]] =
            [
                "<", ">", "\"", "'", "&", "\"\u{301}", "<\u{200D}", "\r\n", "\u{0}", "\u{202E}", "é", "😀", "&lt;",
                "</td>",
            ]
            .map { Array($0.utf8) } + [[0xFF], [0xC3], [0xF4, 0x8F, 0xBF, 0xBF], Array(repeating: 0x22, count: 9_000)]
        let entity = /&(?:amp|lt|gt|quot|#39);/
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 0...8, using: &random)).flatMap { _ in
                pieces.randomElement(using: &random) ?? []
            }
            let text = ByteText.held(bytes)
            let cell = HTML.element("td", ["title": text]) { text }.markup
            try #require(cell.unicodeScalars.count { "<>".unicodeScalars.contains($0) } == 4, "\(bytes.prefix(40))")
            try #require(cell.unicodeScalars.count { $0 == "\"" } == (text.isEmpty ? 0 : 2))
            #expect(
                !cell.unicodeScalars.contains { $0 == "'" || $0.value < 0x20 && !"\n\t".unicodeScalars.contains($0) })
            let scalars = cell.matchingEntities(entity)
            #expect(scalars == cell.unicodeScalars.count { $0 == "&" })
            #expect(cell.utf8.count < 2 * HTML.mostTextBytes + 100)
            #expect(text.shortened(toMarkup: 50).readable.unicodeScalars.count <= 51)
        }
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
        #expect(TimeText.distance(-61_000) == "1m1s ago")
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

extension String {
    /// How often an entity is in it, scalar by scalar.
    fileprivate func matchingEntities(_ entity: Regex<Substring>) -> Int {
        matches(of: entity.matchingSemantics(.unicodeScalar)).count
    }
}
