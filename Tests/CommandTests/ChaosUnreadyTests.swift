import Foundation
import Logging
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension Chaos {
    /// What is wrong is named, by a command, by `doctor` and at the start of a worker, which keeps trying.
    @Suite("a Redis that answers, and can't be worked with", .tags(.processes))
    struct UnreadyTests {
        /// Goes through all that looks at such a Redis, puts it right, and waits until the worker has worked.
        private func endure(
            _ scene: ProcessesScene, says: String, doctor: String, mend: () async throws -> Void
        ) async throws {
            let text = scene.configuration(ProcessesScene.stuck(), lease: "3s", heartbeat: "1s")
            let configuration = try scene.write(text + "\nhttp: {listen: 127.0.0.1:0}\n")
            let ending = try await scene.curfew("run", "stuck-jobs", configuration: configuration)
            #expect(ending.code == 3 && ending.output.contains(says), "\(ending)")
            let looked = try await scene.curfew("doctor", configuration: configuration)
            #expect(looked.code != 0 && looked.output.contains(doctor), "\(looked)")

            let worker = try scene.worker(configuration)
            let address = try await worker.address()
            try await eventually("the worker says what is wrong") { worker.log.contains(says) }
            #expect(try await HTTPAnswer.to("\(address)/healthz").status == 200)
            #expect(try await HTTPAnswer.to("\(address)/readyz").status == 503)
            #expect(worker.isRunning && !worker.log.contains("worker ready"))
            try await mend()
            try await eventually("it is ready") { try await HTTPAnswer.to("\(address)/readyz").status == 200 }
            _ = try await scene.run("completed")
            #expect(await worker.terminate() == 0)
        }

        @Test("a replica given as primary", .timeLimit(.minutes(4)))
        func replica() async throws {
            try await withProcesses { primary in
                try await withProcesses(arguments: ["--replicaof", "127.0.0.1", String(primary.server.port)]) { scene in
                    try await eventually("it follows its primary") {
                        try await scene.send("ROLE")[3].string == "connected"
                    }
                    let doctor = "this is a replica of 127.0.0.1:\(primary.server.port) and can't be written to"
                    try await endure(scene, says: "(this server is a replica: expected a primary)", doctor: doctor) {
                        _ = try await scene.send("REPLICAOF", "NO", "ONE")
                    }
                }
            }
        }

        @Test("a primary that is demoted, and whose address leads to another then", .timeLimit(.minutes(4)))
        func demoted() async throws {
            try await withProcesses { new in
                try await withProcesses { scene in
                    let proxy = try await TCPProxy.start(to: scene.server.port)
                    var named = scene
                    named.url = "redis://localhost:\(proxy.port)/0"
                    let text = named.configuration(ProcessesScene.stuck(), lease: "3s", heartbeat: "1s")
                    let worker = try named.worker(try named.write(text + "\nhttp: {listen: 127.0.0.1:0}\n"))
                    let address = try await worker.address()
                    _ = try await scene.run("completed")
                    _ = try await scene.send("REPLICAOF", "127.0.0.1", String(new.server.port))
                    try await eventually("it isn't ready") {
                        try await HTTPAnswer.to("\(address)/readyz").status == 503
                    }
                    #expect(try await HTTPAnswer.to("\(address)/healthz").status == 200)
                    proxy.turn(to: new.server.port)
                    try await eventually("it is ready") { try await HTTPAnswer.to("\(address)/readyz").status == 200 }
                    _ = try await new.run("completed")
                    #expect(await worker.terminate() == 0)
                }
            }
        }

        @Test(
            "a user without a command, whether Curfew or one of its functions sends it", .timeLimit(.minutes(4)),
            arguments: [
                ("fcall", "no permissions to run the 'fcall' command"),
                ("zadd", "NOPERM this user has no right to ZADD at {curfew}:"),
            ])
        func rights(command: String, says: String) async throws {
            try await withProcesses { scene in
                var limited = scene
                limited.url = "redis://limited:secret@127.0.0.1:\(scene.server.port)/0"
                _ = try await scene.send(
                    "ACL", "SETUSER", "limited", "on", ">secret", "~*", "&*", "+@all", "-\(command)")
                let doctor = "user limited lacks permissions: \(command.uppercased()) "
                try await endure(limited, says: says, doctor: doctor) {
                    _ = try await scene.send("ACL", "SETUSER", "limited", "+\(command)")
                }
            }
        }

        @Test("a cluster with a slot that nobody serves", .timeLimit(.minutes(4)))
        func uncovered() async throws {
            try await withClusterAndClient { cluster, redis in
                let scene = ProcessesScene(server: cluster.members[0].server, redis: redis, url: cluster.url)
                let slot = RedisSlot.of("nobody")
                for member in cluster.members {
                    try await cluster.send(RedisCommand("CLUSTER", ["DELSLOTS", "\(slot)"]), to: member)
                }
                let says = "CLUSTERDOWN The cluster is down: the cluster covers 16383 of 16384 slots"
                try await endure(scene, says: says, doctor: "no node serves the slots \(slot): ") {
                    try await cluster.send(RedisCommand("CLUSTER", ["ADDSLOTS", "\(slot)"]), to: cluster.members[0])
                    try await cluster.waitUntilServing()
                }
            }
        }
    }
}
