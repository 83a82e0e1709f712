import NIOCore
import TestNeeds
import TestSupport
import Testing

@testable import RedisClient

@Suite("encoding commands", .tags(.pure))
struct RedisCommandTests {
    private func wire(_ command: RedisCommand) -> String {
        String(buffer: command.encoded)
    }

    @Test("a command is an array of bulk strings")
    func encoding() {
        #expect(wire(RedisCommand("PING")) == "*1\r\n$4\r\nPING\r\n")
        #expect(wire(RedisCommand("SET", ["key", ""])) == "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$0\r\n\r\n")
        #expect(wire(RedisCommand("ECHO", ["é\r\n"])) == "*2\r\n$4\r\nECHO\r\n$4\r\né\r\n\r\n")
    }

    @Test("a command built word by word is the same", arguments: [0, 1, 1000])
    func building(capacity: Int) {
        var command = RedisCommand(capacity: capacity)
        command.append("ZADD")
        command.append("index")
        command.append(-12)
        command.append(Array("member".utf8))
        command.append("lazy".utf8.lazy.map { $0 })
        #expect(wire(command) == wire(RedisCommand("ZADD", ["index", "-12", "member", "lazy"])))
        #expect(command.count == 5)
    }

    @Test("rows of words say once what a column holds in all of them, but for those at the beginning")
    func rows() {
        func sent(_ rows: [[String]], apart: Int = 0, capacity: Int = 0) -> (alike: [Int], wire: String) {
            var words = WordRows(capacity: capacity, apart: apart)
            for row in rows {
                words.beginRow()
                for word in row { words.append(word) }
            }
            var command = RedisCommand("FCALL")
            words.append(to: &command)
            return (words.alike, wire(command))
        }
        func call(_ words: String...) -> String { wire(RedisCommand("FCALL", words)) }
        #expect(sent([["a", "x", "1"], ["b", "x", "1"]]) == ([1, 2], call("x", "1", "a", "b")))
        #expect(sent([["a", "x", "1"], ["a", "x", "2"]], apart: 1) == ([1], call("x", "a", "1", "a", "2")))
        #expect(sent([["", "é".held, ""], ["", "é".held, ""]]) == ([0, 1, 2], call("", "é".held, "")))
        #expect(sent([["a", "x"]]) == ([], call("a", "x")))
        #expect(sent([["a", "x"], ["b", "y"]], capacity: 1_000) == ([], call("a", "x", "b", "y")))
        let long = String(repeating: "z", count: 5_000)
        #expect(sent([["a", long], ["b", long], ["c", long]]) == ([1], call(long, "a", "b", "c")))
        #expect(sent([["a", "x"], ["b", "x"], ["c", "y"]]) == ([], call("a", "x", "b", "x", "c", "y")))
        #expect(sent([]) == ([], call()))
    }

    @Test("the words of another command can be appended")
    func words() {
        var command = RedisCommand("FCALL", ["curfew_commit"])
        command.append(wordsOf: RedisCommand("1", ["key"]))
        #expect(wire(command) == wire(RedisCommand("FCALL", ["curfew_commit", "1", "key"])))
        #expect(command.count == 4)
    }

    @Test("a copy of a command goes its own way")
    func copies() {
        let original = RedisCommand("GET")
        var (left, right) = (original, original)
        left.append("a")
        right.append("b")
        #expect(wire(left) == wire(RedisCommand("GET", ["a"])))
        #expect(wire(right) == wire(RedisCommand("GET", ["b"])))
        #expect(wire(original) == wire(RedisCommand("GET")))
    }

    @Test("words of every length around the powers of ten are encoded")
    func lengths() {
        for length in [9, 10, 11, 99, 100, 101, 999, 1000, 9999, 10_000, 99_999, 100_000] {
            let word = String(repeating: "x", count: length)
            #expect(wire(RedisCommand("ECHO", [word])) == "*2\r\n$4\r\nECHO\r\n$\(length)\r\n\(word)\r\n")
        }
        let many = Array(repeating: "x", count: 12_345)
        #expect(wire(RedisCommand("DEL", many)).hasPrefix("*12346\r\n$3\r\nDEL\r\n$1\r\nx\r\n"))
    }

    @Test("random words come back through the decoder", arguments: 0..<20)
    func roundTrip(round: Int) throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = Seeded(seed)
        let words = (0..<50).map { _ in
            (0..<Int.random(in: 0...300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
        var command = RedisCommand(capacity: 0)
        for word in words { command.append(word) }
        let reader = RESPReader(byteLimit: 1 << 20, elementLimit: 100)
        let value = try #require(reader.read(command.encoded).tape?.root(0))
        #expect(value.elements.map(\.bytes) == words, "seed \(seed)")
    }

    @Test("the name in messages is the command and what it acts through, never an argument")
    func names() {
        #expect(RedisCommand("get", ["secret"]).name == "GET")
        #expect(RedisCommand("AUTH", ["secret"]).name == "AUTH")
        #expect(RedisCommand("FCALL", ["curfew_commit", "1", "secret"]).name == "FCALL curfew_commit")
        #expect(RedisCommand("config", ["set", "requirepass", "secret"]).name == "CONFIG SET")
        #expect(RedisCommand(capacity: 0).name == "(empty)")
    }
}
