import NIOCore
import NIOEmbedded
import TestNeeds
import Testing

@testable import RedisClient

@Suite("a connection, bytes in and bytes out", .tags(.pure))
struct RedisConnectionHandlerTests {
    /// What a connection reports.
    private final class Recorder: RedisConnectionDelegate {
        var events: [String] = []
        var error: RedisError?

        func connectionOpened() {
            events.append("opened")
        }

        func connectionReceived(_ tape: RedisTape, from start: Int) {
            events += tape.roots[start...].map(\.description)
        }

        func connectionEnded(_ error: RedisError) {
            events.append("ended: \(error.code)")
            self.error = error
        }
    }

    private struct Scene {
        let recorder = Recorder()
        let handler: RedisConnectionHandler
        let channel: EmbeddedChannel

        init(_ url: String = "redis://here", _ change: (inout RedisConfiguration) -> Void = { _ in }) throws {
            var configuration = try RedisConfiguration(url: url)
            change(&configuration)
            handler = RedisConnectionHandler(configuration, delegate: recorder)
            channel = EmbeddedChannel(handler: handler)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }

        func server(says text: String) throws {
            try channel.writeInbound(ByteBuffer(string: text))
        }

        func sent() throws -> String {
            var text = ""
            while let bytes = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: bytes) }
            return text.replacing("\r\n", with: " ")
        }
    }

    private static let signedIn = "+OK\r\n+PONG\r\n"

    @Test("it names itself and asks for a sign of life")
    func plainHandshake() throws {
        let scene = try Scene()
        #expect(try scene.sent() == "*3 $6 CLIENT $7 SETNAME $6 curfew *1 $4 PING ")
        try scene.server(says: "+OK\r\n")
        #expect(scene.recorder.events.isEmpty)
        try scene.server(says: "+PONG\r\n")
        #expect(scene.recorder.events == ["opened"])
    }

    @Test("it signs in and selects the database first")
    func fullHandshake() throws {
        let scene = try Scene("redis://me:secret@here/3")
        let sent = try scene.sent()
        #expect(
            sent == "*3 $4 AUTH $2 me $6 secret *3 $6 CLIENT $7 SETNAME $6 curfew *2 $6 SELECT $1 3 *1 $4 PING "
        )
        try scene.server(says: "+OK\r\n+OK\r\n+OK\r\n+PONG\r\n")
        #expect(scene.recorder.events == ["opened"])
    }

    @Test("a password without a user is sent alone")
    func passwordAlone() throws {
        #expect(try Scene("redis://:secret@here").sent().hasPrefix("*2 $4 AUTH $6 secret "))
    }

    @Test(
        "a refusal while signing in ends the connection with the server's words",
        arguments: [
            ("-WRONGPASS invalid\r\n", "authentication", "signing in was refused (“WRONGPASS invalid”)"),
            (
                "+OK\r\n-ERR x\r\n-ERR DB index is out of range\r\n", "server",
                "the database cannot be selected (“ERR DB index is out of range”)"
            ),
            ("+OK\r\n+OK\r\n-NOPERM no\r\n", "server", "the database cannot be selected (“NOPERM no”)"),
            (
                "-ERR max number of clients reached\r\n", "unreachable",
                "the server answered “ERR max number of clients reached”"
            ),
            ("+OK\r\n+OK\r\n+OK\r\n-LOADING wait\r\n", "unreachable", "the server answered “LOADING wait”"),
            (
                "-DENIED Redis is running in protected mode\r\n", "unreachable",
                "the server answered “DENIED Redis is running in protected mode”"
            ),
            ("+OK\r\n+OK\r\n+OK\r\n-NOAUTH no\r\n", "authentication", "the server requires a password (“NOAUTH no”)"),
            (
                "HTTP/1.1 400\r\nServer: x\r\n", "protocolViolation",
                "this is not a Redis server: it answered “HTTP/1.1 400”"
            ),
            ("\u{1}\u{2}", "protocolViolation", "this is not a Redis server: its answer is not RESP"),
        ]
    )
    func refusals(answer: String, code: String, message: String) throws {
        let scene = try Scene("redis://:secret@here/3")
        try scene.server(says: answer)
        #expect(scene.recorder.events == ["ended: \(code)"])
        #expect(scene.recorder.error?.message == message)
        #expect(scene.recorder.error?.address == "here:6379")
        #expect(!scene.channel.isActive)
    }

    @Test("a user who may neither name a connection nor ping can use it all the same")
    func courtesies() throws {
        let scene = try Scene()
        try scene.server(says: "-NOPERM no\r\n-NOPERM no\r\n")
        #expect(scene.recorder.events == ["opened"])
    }

    @Test("replies that come with the last of the handshake are not lost")
    func repliesBehindTheHandshake() throws {
        let scene = try Scene()
        try scene.server(says: Self.signedIn + "$1\r\na\r\n:1\r\n*1\r\n:")
        #expect(scene.recorder.events == ["opened", "\"a\"", "1"])
        try scene.server(says: "2\r\n")
        #expect(scene.recorder.events.last == "[2]")
    }

    @Test("a server that says nothing is given up in time")
    func silence() throws {
        let scene = try Scene { $0.connectTimeout = .seconds(2) }
        scene.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1999))
        #expect(scene.recorder.events.isEmpty)
        scene.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(scene.recorder.events == ["ended: unreachable"])
        #expect(scene.recorder.error?.message == "connected, but no answer within 2.0 seconds")
    }

    @Test("an open connection has no such limit")
    func noTimerWhenOpen() throws {
        let scene = try Scene { $0.connectTimeout = .seconds(2) }
        try scene.server(says: Self.signedIn)
        scene.channel.embeddedEventLoop.advanceTime(by: .hours(1))
        #expect(scene.recorder.events == ["opened"])
    }

    @Test("the end is reported once, and nothing after it")
    func endsOnce() throws {
        let scene = try Scene()
        try scene.server(says: Self.signedIn)
        scene.handler.end(RedisError(.timedOut, "late"))
        scene.handler.end(RedisError(.timedOut, "later"))
        #expect(!scene.channel.isActive)
        #expect(scene.recorder.events == ["opened", "ended: timedOut"])
        #expect(!scene.handler.close())
    }

    @Test("a connection closed on purpose reports nothing")
    func closesSilently() throws {
        let scene = try Scene()
        try scene.server(says: Self.signedIn)
        #expect(scene.handler.close())
        #expect(scene.recorder.events == ["opened"])
        scene.handler.write(ByteBuffer(string: "x"))
    }

    @Test("a server that hangs up says when it did")
    func hangsUp() throws {
        let early = try Scene()
        try early.channel.close().wait()
        #expect(
            early.recorder.error?.message
                == "the server closed the connection without an answer (if it speaks TLS at this port, use rediss://)"
        )
        let late = try Scene()
        try late.server(says: Self.signedIn)
        try late.channel.close().wait()
        #expect(late.recorder.events == ["opened", "ended: connectionClosed"])
    }

    @Test("an error of the channel becomes the reason of the end")
    func channelErrors() throws {
        let scene = try Scene()
        try scene.server(says: Self.signedIn)
        scene.channel.pipeline.fireErrorCaught(IOError(errnoCode: 104, reason: "read"))
        #expect(scene.recorder.error?.message == "connection reset by the server")
    }

    @Test("a reply over the limit ends the connection, after the replies before it")
    func overTheLimit() throws {
        let scene = try Scene { $0.replyElementsLimit = 3 }
        try scene.server(says: Self.signedIn + ":1\r\n*3\r\n")
        #expect(scene.recorder.events == ["opened", "1", "ended: protocolViolation"])
    }
}
