import Curfew
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import NIOPosix
import Synchronization
import TestNeeds
import TestSupport
import Testing

@testable import Admin

@Suite("Connections", .tags(.ownServer))
struct AdminConnectionTests {
    /// Something with an identity, and whether it was closed.
    private final class Peer: Sendable {
        let isClosed = Atomic(false)
        var id: ObjectIdentifier { ObjectIdentifier(self) }

        func open(in connections: Connections, from address: String) {
            connections.open(id, from: address) { self.isClosed.store(true, ordering: .relaxed) }
        }

        var wasClosed: Bool { isClosed.load(ordering: .relaxed) }
    }

    private func connections(_ most: Int, _ byAddress: Int) -> Connections {
        Connections(most: most, mostByAddress: byAddress, logger: Logger(label: "test")) { $0 == "proxy" }
    }

    @Test("one too many of an address takes the place of the oldest one that waits for its client")
    func byAddress() {
        let connections = connections(100, 3)
        let peers = (0..<5).map { _ in Peer() }
        for peer in peers.prefix(3) { peer.open(in: connections, from: "a") }
        connections.answering(peers[0].id)
        peers[3].open(in: connections, from: "a")
        #expect(peers.map(\.wasClosed) == [false, true, false, false, false])
        // Who is answered waits again from then on, and is the newest of those who wait.
        connections.waiting(peers[0].id)
        peers[4].open(in: connections, from: "a")
        #expect(peers.map(\.wasClosed) == [false, true, true, false, false])
        #expect(connections.count == 3)
    }

    @Test("where all of an address are being answered the new one is closed")
    func allAnswering() {
        let connections = connections(100, 2)
        let peers = (0..<3).map { _ in Peer() }
        for peer in peers.prefix(2) {
            peer.open(in: connections, from: "a")
            connections.answering(peer.id)
        }
        peers[2].open(in: connections, from: "a")
        #expect(peers.map(\.wasClosed) == [false, false, true])
        connections.closed(peers[0].id)
        let next = Peer()
        next.open(in: connections, from: "a")
        #expect(!next.wasClosed)
    }

    @Test("where there are too many in all, the address that has the most gives way")
    func inAll() {
        let connections = connections(4, 3)
        let crowd = (0..<3).map { _ in Peer() }
        for peer in crowd { peer.open(in: connections, from: "crowd") }
        let (first, second) = (Peer(), Peer())
        first.open(in: connections, from: "b")
        second.open(in: connections, from: "c")
        #expect(crowd.map(\.wasClosed) == [true, false, false])
        #expect(!first.wasClosed && !second.wasClosed)
    }

    @Test("behind a trusted proxy there are many: it has no limit of its own")
    func proxy() {
        let connections = connections(10, 2)
        let peers = (0..<8).map { _ in Peer() }
        for peer in peers { peer.open(in: connections, from: "proxy") }
        #expect(peers.allSatisfy { !$0.wasClosed })
    }

    @Test("addresses of IPv6 are counted by their network, those of IPv4 one by one")
    func networks() {
        #expect(Origin("127.0.0.1") != Origin("127.0.0.2"))
        #expect(Origin("2001:db8:1:2:3:4:5:6") == Origin("2001:db8:1:2::1"))
        #expect(Origin("2001:db8:1:2::1") != Origin("2001:db8:1:3::1"))
        #expect(Origin("::ffff:10.0.0.1") == Origin("10.0.0.1"))
        #expect(Origin("fe80::1%eth0") == Origin("fe80::2"))
    }

    @Test("while somebody holds all the places, others are answered", .timeLimit(.minutes(5)))
    func filled() async throws {
        try await withAdmin { scene in
            try await scene.application().test(.live) { client in
                let port = try #require(client.port)
                var silent: [any Channel] = []
                for _ in 0..<(Connections.mostByAddress + 50) {
                    silent.append(
                        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                            .connect(host: "127.0.0.1", port: port).get())
                }
                let whole = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                #expect(try await RawRequest.answer(to: whole, port: port).hasPrefix("HTTP/1.1 200 "))
                // The oldest were closed; those that have come since may have had ten seconds for their heads by now.
                try await eventually("the oldest are closed") { silent.prefix(50).allSatisfy { !$0.isActive } }
                for channel in silent { channel.close(promise: nil) }
            }
        }
    }

    @Test("a head has its time from its first byte, whichever request of a connection it is", .timeLimit(.minutes(5)))
    func secondHead() async throws {
        try await withAdmin { scene in
            let limits = SlowClients.Limits(head: .seconds(2), body: .seconds(30))
            try await scene.application(limits: limits, idle: .seconds(50)).test(.live) { client in
                let port = try #require(client.port)
                let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connect(host: "127.0.0.1", port: port) { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                        }
                    }
                try await channel.executeThenClose { inbound, outbound in
                    try await outbound.write(ByteBuffer(string: "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))
                    var answers = inbound.makeAsyncIterator()
                    let answer = try #require(try await answers.next())
                    #expect(String(buffer: answer).hasPrefix("HTTP/1.1 200 "))
                    let watch = Stopwatch()
                    try await outbound.write(ByteBuffer(string: "GET /healthz HT"))
                    while let more = try await answers.next() { #expect(more.readableBytes > 0) }
                    #expect(watch.elapsed < .seconds(40), "the idle timeout closed it, not that of heads")
                }
            }
        }
    }

    @Test(
        "an answer that comes before its body counts as one, and the next request is answered", .timeLimit(.minutes(5)))
    func earlyAnswer() async throws {
        try await withAdmin { scene in
            let limits = SlowClients.Limits(head: .seconds(10), body: .seconds(5))
            try await scene.application(limits: limits).test(.live) { client in
                let port = try #require(client.port)
                let refused = "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
                let last = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                let answer = try await RawRequest.answer(to: refused + refused + last, port: port)
                #expect(answer.ranges(of: "HTTP/1.1 404 ").count == 2)
                #expect(answer.ranges(of: "HTTP/1.1 200 ").count == 1)
            }
        }
    }
}
