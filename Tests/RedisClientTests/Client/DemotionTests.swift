import NIOCore
import NIOEmbedded
import TestNeeds
import Testing

@testable import RedisClient

@Suite("a server that is no primary any more", .tags(.pure))
struct DemotionTests {
    @Test("what it refused is sent first on the next connection; what was sent after it is unknown")
    func putBack() {
        var scene = StateMachineScene.connected()
        let refused = [scene.request("A"), scene.request("B", count: 2)]
        for request in refused { _ = scene.send(request) }
        _ = scene.send(scene.request("C"))
        #expect(
            [scene.reply(), scene.reply(), scene.reply()] == ["whole A with 1", "partial", "whole B and 1 more with 2"])
        let isPutBack = refused.reversed().map { scene.machine.putBack($0) }
        #expect(isPutBack == [true, true])
        #expect(scene.machine.commandCount == 4)
        let error = RedisError(.notPrimary, "the server said “READONLY”", address: "here")
        let lost = scene.perform(scene.machine.ended(error, now: scene.now))
        #expect(lost == ["fail C: outcomeUnknown, may have run", "back off after 1"])
        #expect(scene.perform(scene.machine.backoffElapsed()) == ["connect"])
        // The next one that is named is a replica too: they wait.
        #expect(scene.perform(scene.machine.ended(error, now: scene.now)) == ["back off after 2"])
        _ = scene.machine.backoffElapsed()
        scene.machine.opened()
        let sent = scene.machine.takeWritable().map { String(buffer: $0).replacing("\r\n", with: " ") }
        #expect(sent == "*1 $1 A *1 $1 B *1 $1 B ")
    }

    @Test("nothing is put back that nobody waits for, or that no connection will come for")
    func notPutBack() {
        var scene = StateMachineScene.connected()
        let cancelled = scene.request("A")
        cancelled.fail(RedisError(.cancelled, "cancelled"))
        var isPutBack = scene.machine.putBack(cancelled)
        #expect(!isPutBack)
        let late = scene.request("B")
        _ = scene.send(scene.request("C"))
        _ = scene.machine.shutdown()
        isPutBack = scene.machine.putBack(late)
        #expect(!isPutBack)
        #expect(scene.machine.commandCount == 1)
    }

    /// How a connection that Sentinels sent to a server takes its answers to AUTH, the name, SELECT, ROLE and PING.
    private func handshake(_ answers: String) throws -> String {
        final class Recorder: RedisConnectionDelegate {
            var outcome = "nothing"
            func connectionOpened() { outcome = "opened" }
            func connectionReceived(_ tape: RedisTape, from start: Int) {}
            func connectionEnded(_ error: RedisError) { outcome = "\(error.code): \(error.message)" }
        }
        let recorder = Recorder()
        let configuration = try RedisConfiguration(url: "redis+sentinel://:secret@s1/main/2")
        let handler = RedisConnectionHandler(configuration, delegate: recorder)
        handler.aim(at: .host("primary", port: 6379))
        let channel = EmbeddedChannel(handler: handler)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        var sent = ""
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) { sent += String(buffer: bytes) }
        #expect(sent.replacing("\r\n", with: " ").hasSuffix("$6 SELECT $1 2 *1 $4 ROLE *1 $4 PING "))
        try channel.writeInbound(ByteBuffer(string: answers))
        #expect(handler.address.description == "primary:6379")
        return recorder.outcome
    }

    @Test(
        "a server that Sentinels named has to say that it is the primary",
        arguments: [
            ("*3\r\n$6\r\nmaster\r\n:9\r\n*0\r\n+PONG\r\n", "opened"),
            ("*3\r\n$6\r\nmaster\r\n:9\r\n*0\r\n", "nothing"),
            (
                "*5\r\n$5\r\nslave\r\n$2\r\nh2\r\n:6380\r\n$9\r\nconnected\r\n:9\r\n-MASTERDOWN no\r\n",
                "notPrimary: a Sentinel names this server as the primary, but it is a replica of h2:6380: "
                    + "the Sentinel is out of date"
            ),
            (
                "*2\r\n$8\r\nsentinel\r\n*0\r\n",
                "notPrimary: a Sentinel names this server as the primary, but it is a \"sentinel\": "
                    + "the Sentinel is out of date"
            ),
            (
                "-NOPERM no\r\n",
                "server: the server doesn't report whether it is the primary (“NOPERM no”)"
            ),
        ]
    )
    func role(answer: String, outcome: String) throws {
        #expect(try handshake("+OK\r\n+OK\r\n+OK\r\n" + answer) == outcome)
    }
}
