import TestNeeds
import Testing

@testable import RedisClient

@Suite("the connection to one node of many", .tags(.pure))
struct ClusterNodeTests {
    private func scene() -> StateMachineScene {
        var scene = StateMachineScene()
        scene.machine = RedisNode.StateMachine(outageLimit: nil)
        _ = scene.machine.start()
        return scene
    }

    @Test("what was sent is not repeated when it is lost, even what may be: the slot may be elsewhere by now")
    func lost() {
        var scene = scene()
        scene.machine.opened()
        _ = scene.send(scene.request("GET", again: true))
        _ = scene.send(scene.request("INCR"))
        let ordered = scene.perform(scene.machine.ended(StateMachineScene.broken, now: scene.now))
        #expect(
            ordered == [
                "fail GET: outcomeUnknown, may have run", "fail INCR: outcomeUnknown, may have run",
                "back off after 1",
            ])
        #expect(scene.machine.commandCount == 0)
    }

    @Test("nobody waits past a failed attempt, nor while the next one is due")
    func failed() {
        var scene = scene()
        scene.machine.opened()
        _ = scene.perform(scene.machine.ended(StateMachineScene.broken, now: scene.now))
        #expect(scene.send(scene.request("GET")) == ["fail GET: unreachable"])
        _ = scene.perform(scene.machine.backoffElapsed())
        #expect(scene.send(scene.request("SET")) == [])
        let ordered = scene.perform(scene.machine.ended(StateMachineScene.refused, now: scene.now))
        #expect(ordered == ["fail SET: unreachable", "back off after 2"])
    }
}
