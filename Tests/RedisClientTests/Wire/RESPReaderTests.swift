import TestNeeds
import TestSupport
import Testing

@testable import RedisClient

@Suite("decoding replies", .tags(.pure), .timeLimit(.minutes(4)))
struct RESPReaderTests {
    private func makeReader() -> RESPReader {
        RESPReader(byteLimit: 1 << 20, elementLimit: 1 << 16)
    }

    @Test("every kind of reply comes out as it was meant", arguments: Frame.table)
    func wholeFrames(frame: Frame) throws {
        let output = makeReader().read(frame.bytes)
        let tape = try #require(output.tape)
        #expect(tape.rootCount == 1)
        #expect(frame.isMeant(by: tape.root(0)))
        #expect(output.failure == nil)
    }

    @Test("every reply can be cut at any two places", arguments: Frame.table)
    func cutFrames(frame: Frame) throws {
        let bytes = frame.bytes
        let step = bytes.count < 30 ? 1 : bytes.count / 8
        for first in 0...bytes.count {
            for second in stride(from: first, through: bytes.count, by: step) {
                let reader = makeReader()
                let parts = [bytes[..<first], bytes[first..<second], bytes[second...]]
                let roots = parts.flatMap { reader.read($0).tape?.roots ?? [] }
                #expect(roots.count == 1 && frame.isMeant(by: roots[0]), "cut at \(first) and \(second)")
            }
        }
    }

    @Test("replies come out byte by byte, each with its last byte")
    func byteByByte() throws {
        let reader = makeReader()
        for frame in Frame.table {
            var roots: [RedisValue] = []
            for (position, byte) in frame.bytes.enumerated() {
                roots += reader.read([byte]).tape?.roots ?? []
                #expect(roots.isEmpty || position == frame.bytes.count - 1)
            }
            #expect(roots.count == 1 && frame.isMeant(by: roots[0]), "\(frame)")
        }
    }

    @Test("random replies in random pieces come out as they were meant", arguments: 0..<10)
    func randomFrames(round: Int) throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = Seeded(seed)
        let frames = (0..<200).map { _ in Frame.random(using: &random) }
        let bytes = frames.flatMap(\.bytes)
        let reader = makeReader()
        var roots: [RedisValue] = []
        var start = 0
        while start < bytes.count {
            let end = min(
                bytes.count, start + Int.random(in: 1...(1 << Int.random(in: 0...15, using: &random)), using: &random))
            let output = reader.read(bytes[start..<end])
            #expect(output.failure == nil, "seed \(seed)")
            roots += output.tape?.roots ?? []
            start = end
        }
        // Compared at the end, so that a tape that is written after it was given away shows.
        try #require(roots.count == frames.count, "seed \(seed)")
        for (frame, root) in zip(frames, roots) {
            #expect(frame.isMeant(by: root), "seed \(seed)")
        }
    }

    @Test("random bytes end in an error or in nothing, never in a crash", arguments: 0..<10)
    func garbage(round: Int) {
        let seed = UInt64.random(in: 0 ... .max)
        var random = Seeded(seed)
        for _ in 0..<200 {
            let reader = RESPReader(byteLimit: 4096, elementLimit: 64)
            var bytes = Frame.random(using: &random).bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                bytes[place] = UInt8.random(in: 0...255, using: &random)
            }
            let output = reader.read(bytes)
            // Reading all of it finds any reference to memory that isn't there.
            _ = output.tape?.roots.map(\.description)
            if output.failure != nil { #expect(reader.read("+OK\r\n".utf8).failure == output.failure, "seed \(seed)") }
        }
    }

    @Test("the replies before a broken one are still given")
    func repliesBeforeAFailure() {
        let output = makeReader().read("+one\r\n:2\r\n?\r\n+three\r\n".utf8)
        #expect(output.tape?.roots.map(\.description) == ["\"one\"", "2"])
        #expect(output.failure?.contains("Protocol error") == true)
    }

    @Test("values outlive their reader")
    func valuesOutliveTheReader() {
        let value = makeReader().read(Frame.table[18].bytes).tape?.root(0)
        #expect(value.map { Frame.table[18].isMeant(by: $0) } == true)
    }
}
