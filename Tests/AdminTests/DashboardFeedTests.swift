import HTTPTypes
import Logging
import NIOCore
import Synchronization
import TestNeeds
import Testing

@testable import Admin

@Suite("Dashboard: live feed", .tags(.pure))
struct DashboardFeedTests {
    /// A feed over parts that a test sets, which counts its readings.
    private final class Stage: Sendable {
        let readings = Mutex(0)
        let text = Mutex("first")
        let error = Mutex<AdminError?>(nil)

        func feed() -> LiveFeed {
            LiveFeed(interval: .seconds(3_600), logger: Logger(label: "test")) { _ in
                self.readings.withLock { $0 += 1 }
                if let error = self.error.withLock({ $0 }) { throw error }
                return [
                    Fragment(id: "a", content: HTML(self.text.withLock { $0 })),
                    Fragment(id: "b", content: HTML("same")),
                ]
            }
        }
    }

    @Test("two hundred open pages cost one reading")
    func fanOut() async throws {
        let stage = Stage()
        let feed = stage.feed()
        var streams: [AsyncStream<ByteBuffer>] = []
        for _ in 0..<200 { streams.append(try #require(feed.watch(.overview) {}).messages) }
        #expect(await feed.runOnce())
        #expect(stage.readings.withLock { $0 } == 1)
        feed.stop()
        for stream in streams {
            var messages: [String] = []
            for await message in stream { messages.append(String(buffer: message)) }
            #expect(messages == ["event: parts\ndata: {\"a\":\"first\",\"b\":\"same\",\"connection\":\"\"}\n\n"])
        }
    }

    @Test("only what has changed is sent again; a page that comes later gets everything")
    func changes() async throws {
        let stage = Stage()
        let feed = stage.feed()
        var early = try #require(feed.watch(.overview) {}).messages.makeAsyncIterator()
        _ = await feed.runOnce()
        _ = await early.next()
        stage.text.withLock { $0 = "<second>" }
        var late = try #require(feed.watch(.overview) {}).messages.makeAsyncIterator()
        _ = await feed.runOnce()
        #expect(await early.next().map { String(buffer: $0) } == "event: parts\ndata: {\"a\":\"&lt;second&gt;\"}\n\n")
        #expect(await late.next().map { String(buffer: $0).contains("\"b\":\"same\"") } == true)
    }

    @Test("a page that takes nothing is dropped, and its connection closed; others go on")
    func slow() async throws {
        let stage = Stage()
        let feed = stage.feed()
        let closed = Mutex(false)
        let stuck = try #require(feed.watch(.overview) { closed.withLock { $0 = true } })
        var quick = try #require(feed.watch(.overview) {}).messages.makeAsyncIterator()
        for round in 0...LiveFeed.mostWaiting {
            stage.text.withLock { $0 = "round \(round)" }
            #expect(!closed.withLock { $0 })
            _ = await feed.runOnce()
            _ = await quick.next()
        }
        #expect(closed.withLock { $0 })
        #expect(feed.watcherCount == 1)
        var waiting = 0
        for await _ in stuck.messages { waiting += 1 }
        #expect(waiting == LiveFeed.mostWaiting)
    }

    @Test("nothing is read while nobody watches")
    func idle() async throws {
        let stage = Stage()
        let feed = stage.feed()
        let id = try #require(feed.watch(.overview) {}).id
        feed.leave(id)
        #expect(await feed.runOnce() == false)
        #expect(stage.readings.withLock { $0 } == 0)
    }

    @Test("a page is told why it is not up to date, and that it is again")
    func trouble() async throws {
        let stage = Stage()
        let feed = stage.feed()
        var page = try #require(feed.watch(.overview) {}).messages.makeAsyncIterator()
        _ = await feed.runOnce()
        _ = await page.next()
        stage.error.withLock { $0 = AdminError(.serviceUnavailable, "Redis <is> away") }
        _ = await feed.runOnce()
        let bad = try #require(await page.next().map { String(buffer: $0) })
        #expect(bad.contains("Redis &lt;is&gt; away") && !bad.contains("\"a\""))
        stage.error.withLock { $0 = nil }
        _ = await feed.runOnce()
        #expect(await page.next().map { String(buffer: $0) } == "event: parts\ndata: {\"connection\":\"\"}\n\n")
    }

    @Test("a page without news hears now and then that somebody is there")
    func comments() async throws {
        let feed = Stage().feed()
        var page = try #require(feed.watch(.overview) {}).messages.makeAsyncIterator()
        for _ in 0...LiveFeed.quietReadings { _ = await feed.runOnce() }
        _ = await page.next()
        #expect(await page.next().map { String(buffer: $0) } == ": keep-alive\n\n")
    }

    @Test("there is a limit to open pages, and none is taken after the end")
    func limits() async throws {
        let feed = Stage().feed()
        for number in 0..<LiveFeed.mostSubjects { _ = try #require(feed.watch(.cleanup("\(number)")) {}) }
        #expect(feed.watch(.overview) {} == nil)
        for _ in LiveFeed.mostSubjects..<LiveFeed.mostWatchers { _ = try #require(feed.watch(.cleanup("1")) {}) }
        #expect(feed.watch(.cleanup("1")) {} == nil)
        feed.stop()
        #expect(feed.watcherCount == 0)
        #expect(feed.watch(.cleanup("1")) {} == nil)
    }

    /// A feed over a table whose rows a test sets, and a slow part.
    private func feed(_ rows: @escaping @Sendable () -> [(key: String, text: String)]) -> LiveFeed {
        let readings = Mutex(0)
        return LiveFeed(interval: .seconds(3_600), logger: Logger(label: "test")) { _ in
            var table = HTMLTable(caption: "rows", columns: ["Row"])
            for row in rows() { table.add(key: row.key, [HTML(row.text)]) }
            let reading = readings.withLock { readings in
                readings += 1
                return readings
            }
            return [
                Fragment(id: "table", table, empty: "none"),
                Fragment(id: "slow", content: HTML("reading \(reading)"), isSlow: true),
            ]
        }
    }

    @Test("of a table, the rows are sent that are new, changed, moved or gone")
    func rows() async throws {
        let rows = Mutex((0..<20).map { (key: "k\($0)", text: "row \($0)") })
        let feed = feed { rows.withLock { $0 } }
        let page = try #require(feed.watch(.overview) {}).messages
        func next(_ change: (inout [(key: String, text: String)]) -> Void) async -> String {
            rows.withLock { change(&$0) }
            _ = await feed.runOnce()
            for await message in page { return String(buffer: message) }
            return ""
        }
        #expect(await next { _ in }.hasPrefix("event: parts\n"))
        func row(_ key: String, _ text: String) -> String {
            #"<tr data-row=\"\#(key)\"><th scope=\"row\">\#(text)</th></tr>"#
        }
        let changed = await next { $0[3].text = "<other>" }
        let put = "[[\"k3\",\"\(row("k3", "&lt;other&gt;"))\",\"k2\"]]"
        #expect(changed == "event: rows\ndata: {\"table\":{\"put\":\(put),\"remove\":[]}}\n\n")
        // A new run at the top, and the oldest one leaves.
        let added = await next { rows in
            rows.insert((key: "new", text: "new"), at: 0)
            rows.removeLast()
        }
        #expect(added.contains("\"put\":[[\"new\",\"\(row("new", "new"))\",\"\"]],\"remove\":[\"k19\"]"))
        let moved = await next { $0.append($0.remove(at: 5)) }
        #expect(moved.contains("\"put\":[[\"k4\",\"\(row("k4", "row 4"))\",\"k18\"]],\"remove\":[]"))
        // The slow part has changed with each reading, and is due with this one.
        let slow = await next { _ in }
        #expect(slow == "event: parts\ndata: {\"slow\":\"reading 5\"}\n\n")
        let empty = await next { $0 = [] }
        #expect(empty.contains("event: parts\n"))
    }

    @Test("a page that says what it shows is sent the rest only, and is told what it then has")
    func seen() async throws {
        let stage = Stage()
        let feed = stage.feed()
        let shown = [
            Fragment(id: "a", content: HTML("first")), Fragment(id: "b", content: HTML("other")), .connected,
        ].map(ShownPart.init)
        var page = try #require(feed.watch(.overview, at: LiveMessage.version(shown)) {}).messages.makeAsyncIterator()
        _ = await feed.runOnce()
        let first = try #require(await page.next().map { String(buffer: $0) })
        #expect(first.hasSuffix("\nevent: parts\ndata: {\"b\":\"same\"}\n\n"))
        let version = try #require(first.firstMatch(of: /^id: (.*)\n/)).1
        // It connects again with that, and nothing has changed.
        var again = try #require(feed.watch(.overview, at: String(version)) {}).messages.makeAsyncIterator()
        _ = await feed.runOnce()
        stage.text.withLock { $0 = "second" }
        _ = await feed.runOnce()
        #expect(try #require(await again.next().map { String(buffer: $0) }).hasSuffix("data: {\"a\":\"second\"}\n\n"))
        // What doesn't fit this page is no version of it.
        var strange = try #require(feed.watch(.overview, at: "nonsense") {}).messages.makeAsyncIterator()
        _ = await feed.runOnce()
        #expect(await strange.next().map { String(buffer: $0).contains("\"b\":\"same\"") } == true)
    }
}
