// Generated from raft.proto by "bun run proto".
/*eslint-disable block-scoped-var, id-length, no-control-regex, no-magic-numbers, no-mixed-operators, no-prototype-builtins, no-redeclare, no-shadow, no-var, sort-vars, default-case, jsdoc/require-param*/
import $protobuf from "protobufjs/minimal.js";

const $Reader = $protobuf.Reader, $Writer = $protobuf.Writer, $util = $protobuf.util;
const $Object = $util.global.Object, $undefined = $util.global.undefined, $Error = $util.global.Error, $RangeError = $util.global.RangeError;

const $root = $protobuf.roots["raftlet/transport/raft"] || ($protobuf.roots["raftlet/transport/raft"] = {});

export const Frame = $root.Frame = (() => {

    const Frame = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    Frame.prototype.group = "";
    Frame.prototype.hello = null;
    Frame.prototype.refusal = null;
    Frame.prototype.ping = null;
    Frame.prototype.pong = null;
    Frame.prototype.voteRequest = null;
    Frame.prototype.voteReply = null;
    Frame.prototype.appendRequest = null;
    Frame.prototype.appendReply = null;
    Frame.prototype.heartbeatRequest = null;
    Frame.prototype.heartbeatReply = null;
    Frame.prototype.snapshotChunk = null;
    Frame.prototype.snapshotReply = null;
    Frame.prototype.readIndexRequest = null;
    Frame.prototype.readIndexReply = null;
    Frame.prototype.timeoutNow = null;
    Frame.prototype.forwardRequest = null;
    Frame.prototype.forwardReply = null;
    Frame.prototype.queryRequest = null;
    Frame.prototype.queryReply = null;
    Frame.prototype.stateReport = null;
    Frame.prototype.stateParted = null;
    Frame.prototype.stateRequest = null;
    Frame.prototype.statePiece = null;
    Frame.prototype.beats = null;

    Frame.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.group != null && $Object.hasOwnProperty.call(message, "group") && message.group !== "")
            writer.uint32(10).string(message.group);
        if (message.hello != null && $Object.hasOwnProperty.call(message, "hello"))
            $root.Hello.encode(message.hello, writer.uint32(18).fork(), _depth + 1).ldelim();
        if (message.refusal != null && $Object.hasOwnProperty.call(message, "refusal"))
            $root.Refusal.encode(message.refusal, writer.uint32(26).fork(), _depth + 1).ldelim();
        if (message.ping != null && $Object.hasOwnProperty.call(message, "ping"))
            $root.Ping.encode(message.ping, writer.uint32(34).fork(), _depth + 1).ldelim();
        if (message.pong != null && $Object.hasOwnProperty.call(message, "pong"))
            $root.Pong.encode(message.pong, writer.uint32(42).fork(), _depth + 1).ldelim();
        if (message.voteRequest != null && $Object.hasOwnProperty.call(message, "voteRequest"))
            $root.VoteRequest.encode(message.voteRequest, writer.uint32(130).fork(), _depth + 1).ldelim();
        if (message.voteReply != null && $Object.hasOwnProperty.call(message, "voteReply"))
            $root.VoteReply.encode(message.voteReply, writer.uint32(138).fork(), _depth + 1).ldelim();
        if (message.appendRequest != null && $Object.hasOwnProperty.call(message, "appendRequest"))
            $root.AppendRequest.encode(message.appendRequest, writer.uint32(146).fork(), _depth + 1).ldelim();
        if (message.appendReply != null && $Object.hasOwnProperty.call(message, "appendReply"))
            $root.AppendReply.encode(message.appendReply, writer.uint32(154).fork(), _depth + 1).ldelim();
        if (message.heartbeatRequest != null && $Object.hasOwnProperty.call(message, "heartbeatRequest"))
            $root.HeartbeatRequest.encode(message.heartbeatRequest, writer.uint32(162).fork(), _depth + 1).ldelim();
        if (message.heartbeatReply != null && $Object.hasOwnProperty.call(message, "heartbeatReply"))
            $root.HeartbeatReply.encode(message.heartbeatReply, writer.uint32(170).fork(), _depth + 1).ldelim();
        if (message.snapshotChunk != null && $Object.hasOwnProperty.call(message, "snapshotChunk"))
            $root.SnapshotChunk.encode(message.snapshotChunk, writer.uint32(178).fork(), _depth + 1).ldelim();
        if (message.snapshotReply != null && $Object.hasOwnProperty.call(message, "snapshotReply"))
            $root.SnapshotReply.encode(message.snapshotReply, writer.uint32(186).fork(), _depth + 1).ldelim();
        if (message.readIndexRequest != null && $Object.hasOwnProperty.call(message, "readIndexRequest"))
            $root.ReadIndexRequest.encode(message.readIndexRequest, writer.uint32(194).fork(), _depth + 1).ldelim();
        if (message.readIndexReply != null && $Object.hasOwnProperty.call(message, "readIndexReply"))
            $root.ReadIndexReply.encode(message.readIndexReply, writer.uint32(202).fork(), _depth + 1).ldelim();
        if (message.timeoutNow != null && $Object.hasOwnProperty.call(message, "timeoutNow"))
            $root.TimeoutNow.encode(message.timeoutNow, writer.uint32(210).fork(), _depth + 1).ldelim();
        if (message.forwardRequest != null && $Object.hasOwnProperty.call(message, "forwardRequest"))
            $root.ForwardRequest.encode(message.forwardRequest, writer.uint32(218).fork(), _depth + 1).ldelim();
        if (message.forwardReply != null && $Object.hasOwnProperty.call(message, "forwardReply"))
            $root.ForwardReply.encode(message.forwardReply, writer.uint32(226).fork(), _depth + 1).ldelim();
        if (message.queryRequest != null && $Object.hasOwnProperty.call(message, "queryRequest"))
            $root.QueryRequest.encode(message.queryRequest, writer.uint32(234).fork(), _depth + 1).ldelim();
        if (message.queryReply != null && $Object.hasOwnProperty.call(message, "queryReply"))
            $root.QueryReply.encode(message.queryReply, writer.uint32(242).fork(), _depth + 1).ldelim();
        if (message.stateReport != null && $Object.hasOwnProperty.call(message, "stateReport"))
            $root.StateReport.encode(message.stateReport, writer.uint32(250).fork(), _depth + 1).ldelim();
        if (message.stateParted != null && $Object.hasOwnProperty.call(message, "stateParted"))
            $root.StateParted.encode(message.stateParted, writer.uint32(258).fork(), _depth + 1).ldelim();
        if (message.stateRequest != null && $Object.hasOwnProperty.call(message, "stateRequest"))
            $root.StateRequest.encode(message.stateRequest, writer.uint32(266).fork(), _depth + 1).ldelim();
        if (message.statePiece != null && $Object.hasOwnProperty.call(message, "statePiece"))
            $root.StatePiece.encode(message.statePiece, writer.uint32(274).fork(), _depth + 1).ldelim();
        if (message.beats != null && $Object.hasOwnProperty.call(message, "beats"))
            $root.Beats.encode(message.beats, writer.uint32(282).fork(), _depth + 1).ldelim();
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    Frame.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.Frame();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.group = value;
                    else
                        delete message.group;
                    continue;
                }
            case 2: {
                    if (wireType !== 2)
                        break;
                    message.hello = $root.Hello.decode(reader, reader.size(), $undefined, _depth + 1, message.hello);
                    continue;
                }
            case 3: {
                    if (wireType !== 2)
                        break;
                    message.refusal = $root.Refusal.decode(reader, reader.size(), $undefined, _depth + 1, message.refusal);
                    continue;
                }
            case 4: {
                    if (wireType !== 2)
                        break;
                    message.ping = $root.Ping.decode(reader, reader.size(), $undefined, _depth + 1, message.ping);
                    continue;
                }
            case 5: {
                    if (wireType !== 2)
                        break;
                    message.pong = $root.Pong.decode(reader, reader.size(), $undefined, _depth + 1, message.pong);
                    continue;
                }
            case 16: {
                    if (wireType !== 2)
                        break;
                    message.voteRequest = $root.VoteRequest.decode(reader, reader.size(), $undefined, _depth + 1, message.voteRequest);
                    continue;
                }
            case 17: {
                    if (wireType !== 2)
                        break;
                    message.voteReply = $root.VoteReply.decode(reader, reader.size(), $undefined, _depth + 1, message.voteReply);
                    continue;
                }
            case 18: {
                    if (wireType !== 2)
                        break;
                    message.appendRequest = $root.AppendRequest.decode(reader, reader.size(), $undefined, _depth + 1, message.appendRequest);
                    continue;
                }
            case 19: {
                    if (wireType !== 2)
                        break;
                    message.appendReply = $root.AppendReply.decode(reader, reader.size(), $undefined, _depth + 1, message.appendReply);
                    continue;
                }
            case 20: {
                    if (wireType !== 2)
                        break;
                    message.heartbeatRequest = $root.HeartbeatRequest.decode(reader, reader.size(), $undefined, _depth + 1, message.heartbeatRequest);
                    continue;
                }
            case 21: {
                    if (wireType !== 2)
                        break;
                    message.heartbeatReply = $root.HeartbeatReply.decode(reader, reader.size(), $undefined, _depth + 1, message.heartbeatReply);
                    continue;
                }
            case 22: {
                    if (wireType !== 2)
                        break;
                    message.snapshotChunk = $root.SnapshotChunk.decode(reader, reader.size(), $undefined, _depth + 1, message.snapshotChunk);
                    continue;
                }
            case 23: {
                    if (wireType !== 2)
                        break;
                    message.snapshotReply = $root.SnapshotReply.decode(reader, reader.size(), $undefined, _depth + 1, message.snapshotReply);
                    continue;
                }
            case 24: {
                    if (wireType !== 2)
                        break;
                    message.readIndexRequest = $root.ReadIndexRequest.decode(reader, reader.size(), $undefined, _depth + 1, message.readIndexRequest);
                    continue;
                }
            case 25: {
                    if (wireType !== 2)
                        break;
                    message.readIndexReply = $root.ReadIndexReply.decode(reader, reader.size(), $undefined, _depth + 1, message.readIndexReply);
                    continue;
                }
            case 26: {
                    if (wireType !== 2)
                        break;
                    message.timeoutNow = $root.TimeoutNow.decode(reader, reader.size(), $undefined, _depth + 1, message.timeoutNow);
                    continue;
                }
            case 27: {
                    if (wireType !== 2)
                        break;
                    message.forwardRequest = $root.ForwardRequest.decode(reader, reader.size(), $undefined, _depth + 1, message.forwardRequest);
                    continue;
                }
            case 28: {
                    if (wireType !== 2)
                        break;
                    message.forwardReply = $root.ForwardReply.decode(reader, reader.size(), $undefined, _depth + 1, message.forwardReply);
                    continue;
                }
            case 29: {
                    if (wireType !== 2)
                        break;
                    message.queryRequest = $root.QueryRequest.decode(reader, reader.size(), $undefined, _depth + 1, message.queryRequest);
                    continue;
                }
            case 30: {
                    if (wireType !== 2)
                        break;
                    message.queryReply = $root.QueryReply.decode(reader, reader.size(), $undefined, _depth + 1, message.queryReply);
                    continue;
                }
            case 31: {
                    if (wireType !== 2)
                        break;
                    message.stateReport = $root.StateReport.decode(reader, reader.size(), $undefined, _depth + 1, message.stateReport);
                    continue;
                }
            case 32: {
                    if (wireType !== 2)
                        break;
                    message.stateParted = $root.StateParted.decode(reader, reader.size(), $undefined, _depth + 1, message.stateParted);
                    continue;
                }
            case 33: {
                    if (wireType !== 2)
                        break;
                    message.stateRequest = $root.StateRequest.decode(reader, reader.size(), $undefined, _depth + 1, message.stateRequest);
                    continue;
                }
            case 34: {
                    if (wireType !== 2)
                        break;
                    message.statePiece = $root.StatePiece.decode(reader, reader.size(), $undefined, _depth + 1, message.statePiece);
                    continue;
                }
            case 35: {
                    if (wireType !== 2)
                        break;
                    message.beats = $root.Beats.decode(reader, reader.size(), $undefined, _depth + 1, message.beats);
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return Frame;
})();

export const Hello = $root.Hello = (() => {

    const Hello = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    Hello.prototype.oldestProtocol = 0;
    Hello.prototype.newestProtocol = 0;
    Hello.prototype.clusterId = "";
    Hello.prototype.nodeId = "";
    Hello.prototype.incarnation = "";
    Hello.prototype.recipient = "";
    Hello.prototype.client = "";
    Hello.prototype.peer = "";
    Hello.prototype.asOf = 0;
    Hello.prototype.epoch = 0;
    Hello.prototype.sequence = 0;
    Hello.prototype.witnessedIncarnation = "";
    Hello.prototype.witnessedSequence = 0;
    Hello.prototype.session = "";

    Hello.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.oldestProtocol != null && $Object.hasOwnProperty.call(message, "oldestProtocol") && message.oldestProtocol !== 0)
            writer.uint32(8).uint32(message.oldestProtocol);
        if (message.newestProtocol != null && $Object.hasOwnProperty.call(message, "newestProtocol") && message.newestProtocol !== 0)
            writer.uint32(16).uint32(message.newestProtocol);
        if (message.clusterId != null && $Object.hasOwnProperty.call(message, "clusterId") && message.clusterId !== "")
            writer.uint32(26).string(message.clusterId);
        if (message.nodeId != null && $Object.hasOwnProperty.call(message, "nodeId") && message.nodeId !== "")
            writer.uint32(34).string(message.nodeId);
        if (message.incarnation != null && $Object.hasOwnProperty.call(message, "incarnation") && message.incarnation !== "")
            writer.uint32(42).string(message.incarnation);
        if (message.recipient != null && $Object.hasOwnProperty.call(message, "recipient") && message.recipient !== "")
            writer.uint32(50).string(message.recipient);
        if (message.client != null && $Object.hasOwnProperty.call(message, "client") && message.client !== "")
            writer.uint32(58).string(message.client);
        if (message.peer != null && $Object.hasOwnProperty.call(message, "peer") && message.peer !== "")
            writer.uint32(66).string(message.peer);
        if (message.asOf != null && $Object.hasOwnProperty.call(message, "asOf") && !$Object.is(message.asOf, 0))
            writer.uint32(73).double(message.asOf);
        if (message.epoch != null && $Object.hasOwnProperty.call(message, "epoch") && !$Object.is(message.epoch, 0))
            writer.uint32(81).double(message.epoch);
        if (message.sequence != null && $Object.hasOwnProperty.call(message, "sequence") && !$Object.is(message.sequence, 0))
            writer.uint32(89).double(message.sequence);
        if (message.witnessedIncarnation != null && $Object.hasOwnProperty.call(message, "witnessedIncarnation") && message.witnessedIncarnation !== "")
            writer.uint32(98).string(message.witnessedIncarnation);
        if (message.witnessedSequence != null && $Object.hasOwnProperty.call(message, "witnessedSequence") && !$Object.is(message.witnessedSequence, 0))
            writer.uint32(105).double(message.witnessedSequence);
        if (message.session != null && $Object.hasOwnProperty.call(message, "session") && message.session !== "")
            writer.uint32(114).string(message.session);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    Hello.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.Hello();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.uint32())
                        message.oldestProtocol = value;
                    else
                        delete message.oldestProtocol;
                    continue;
                }
            case 2: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.uint32())
                        message.newestProtocol = value;
                    else
                        delete message.newestProtocol;
                    continue;
                }
            case 3: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.clusterId = value;
                    else
                        delete message.clusterId;
                    continue;
                }
            case 4: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.nodeId = value;
                    else
                        delete message.nodeId;
                    continue;
                }
            case 5: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.incarnation = value;
                    else
                        delete message.incarnation;
                    continue;
                }
            case 6: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.recipient = value;
                    else
                        delete message.recipient;
                    continue;
                }
            case 7: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.client = value;
                    else
                        delete message.client;
                    continue;
                }
            case 8: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.peer = value;
                    else
                        delete message.peer;
                    continue;
                }
            case 9: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.asOf = value;
                    else
                        delete message.asOf;
                    continue;
                }
            case 10: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.epoch = value;
                    else
                        delete message.epoch;
                    continue;
                }
            case 11: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.sequence = value;
                    else
                        delete message.sequence;
                    continue;
                }
            case 12: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.witnessedIncarnation = value;
                    else
                        delete message.witnessedIncarnation;
                    continue;
                }
            case 13: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.witnessedSequence = value;
                    else
                        delete message.witnessedSequence;
                    continue;
                }
            case 14: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.session = value;
                    else
                        delete message.session;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return Hello;
})();

export const Refusal = $root.Refusal = (() => {

    const Refusal = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    Refusal.prototype.cause = "";

    Refusal.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.cause != null && $Object.hasOwnProperty.call(message, "cause") && message.cause !== "")
            writer.uint32(10).string(message.cause);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    Refusal.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.Refusal();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.cause = value;
                    else
                        delete message.cause;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return Refusal;
})();

export const Ping = $root.Ping = (() => {

    const Ping = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    Ping.prototype.sequence = 0;

    Ping.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.sequence != null && $Object.hasOwnProperty.call(message, "sequence") && !$Object.is(message.sequence, 0))
            writer.uint32(9).double(message.sequence);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    Ping.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.Ping();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.sequence = value;
                    else
                        delete message.sequence;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return Ping;
})();

export const Pong = $root.Pong = (() => {

    const Pong = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    Pong.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    Pong.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.Pong();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            reader.skipType(tag & 7, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return Pong;
})();

export const Address = $root.Address = (() => {

    const Address = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    Address.prototype.peer = "";
    Address.prototype.client = "";
    Address.prototype.incarnation = "";
    Address.prototype.priorityPlusOne = 0;

    Address.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.peer != null && $Object.hasOwnProperty.call(message, "peer") && message.peer !== "")
            writer.uint32(10).string(message.peer);
        if (message.client != null && $Object.hasOwnProperty.call(message, "client") && message.client !== "")
            writer.uint32(18).string(message.client);
        if (message.incarnation != null && $Object.hasOwnProperty.call(message, "incarnation") && message.incarnation !== "")
            writer.uint32(26).string(message.incarnation);
        if (message.priorityPlusOne != null && $Object.hasOwnProperty.call(message, "priorityPlusOne") && !$Object.is(message.priorityPlusOne, 0))
            writer.uint32(33).double(message.priorityPlusOne);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    Address.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.Address();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.peer = value;
                    else
                        delete message.peer;
                    continue;
                }
            case 2: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.client = value;
                    else
                        delete message.client;
                    continue;
                }
            case 3: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.incarnation = value;
                    else
                        delete message.incarnation;
                    continue;
                }
            case 4: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.priorityPlusOne = value;
                    else
                        delete message.priorityPlusOne;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return Address;
})();

export const Aim = $root.Aim = (() => {

    const Aim = function (properties) {
        this.voters = [];
        this.learners = [];
        this.addresses = {};
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    Aim.prototype.voters = $util.emptyArray;
    Aim.prototype.learners = $util.emptyArray;
    Aim.prototype.addresses = $util.emptyObject;

    Aim.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.voters != null && message.voters.length)
            for (let i = 0; i < message.voters.length; ++i)
                writer.uint32(10).string(message.voters[i]);
        if (message.learners != null && message.learners.length)
            for (let i = 0; i < message.learners.length; ++i)
                writer.uint32(18).string(message.learners[i]);
        if (message.addresses != null && $Object.hasOwnProperty.call(message, "addresses"))
            for (let keys = $Object.keys(message.addresses), i = 0; i < keys.length; ++i) {
                writer.uint32(26).fork().uint32(10).string(keys[i]);
                $root.Address.encode(message.addresses[keys[i]], writer.uint32(18).fork(), _depth + 1).ldelim().ldelim();
            }
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    Aim.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, key, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.Aim();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 2)
                        break;
                    if (!(message.voters && message.voters.length))
                        message.voters = [];
                    message.voters.push(reader.stringVerify());
                    continue;
                }
            case 2: {
                    if (wireType !== 2)
                        break;
                    if (!(message.learners && message.learners.length))
                        message.learners = [];
                    message.learners.push(reader.stringVerify());
                    continue;
                }
            case 3: {
                    if (wireType !== 2)
                        break;
                    if (message.addresses === $util.emptyObject)
                        message.addresses = {};
                    let end2 = reader.size() + reader.pos;
                    if (end2 > reader.len)
                        throw $RangeError("index out of range");
                    reader.len = end2;
                    key = "";
                    value = null;
                    while (reader.pos < end2) {
                        let tag2 = reader.tag();
                        wireType = tag2 & 7;
                        switch (tag2 >>>= 3) {
                        case 1:
                            if (wireType !== 2)
                                break;
                            key = reader.stringVerify();
                            continue;
                        case 2:
                            if (wireType !== 2)
                                break;
                            value = $root.Address.decode(reader, reader.size(), $undefined, _depth + 1, value);
                            continue;
                        }
                        reader.skipType(wireType, _depth, tag2);
                    }
                    if (reader.pos !== end2)
                        throw $RangeError("index out of range");
                    reader.len = end;
                    if (key === "__proto__")
                        $util.makeProp(message.addresses, key);
                    message.addresses[key] = value || new $root.Address();
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return Aim;
})();

export const Configuration = $root.Configuration = (() => {

    const Configuration = function (properties) {
        this.voters = [];
        this.outgoing = [];
        this.learners = [];
        this.learnersNext = [];
        this.addresses = {};
        this.resetFrom = [];
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    Configuration.prototype.voters = $util.emptyArray;
    Configuration.prototype.outgoing = $util.emptyArray;
    Configuration.prototype.learners = $util.emptyArray;
    Configuration.prototype.learnersNext = $util.emptyArray;
    Configuration.prototype.addresses = $util.emptyObject;
    Configuration.prototype.goal = null;
    Configuration.prototype.epoch = 0;
    Configuration.prototype.resetFrom = $util.emptyArray;

    Configuration.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.voters != null && message.voters.length)
            for (let i = 0; i < message.voters.length; ++i)
                writer.uint32(10).string(message.voters[i]);
        if (message.outgoing != null && message.outgoing.length)
            for (let i = 0; i < message.outgoing.length; ++i)
                writer.uint32(18).string(message.outgoing[i]);
        if (message.learners != null && message.learners.length)
            for (let i = 0; i < message.learners.length; ++i)
                writer.uint32(26).string(message.learners[i]);
        if (message.learnersNext != null && message.learnersNext.length)
            for (let i = 0; i < message.learnersNext.length; ++i)
                writer.uint32(34).string(message.learnersNext[i]);
        if (message.addresses != null && $Object.hasOwnProperty.call(message, "addresses"))
            for (let keys = $Object.keys(message.addresses), i = 0; i < keys.length; ++i) {
                writer.uint32(42).fork().uint32(10).string(keys[i]);
                $root.Address.encode(message.addresses[keys[i]], writer.uint32(18).fork(), _depth + 1).ldelim().ldelim();
            }
        if (message.goal != null && $Object.hasOwnProperty.call(message, "goal"))
            $root.Aim.encode(message.goal, writer.uint32(50).fork(), _depth + 1).ldelim();
        if (message.epoch != null && $Object.hasOwnProperty.call(message, "epoch") && !$Object.is(message.epoch, 0))
            writer.uint32(57).double(message.epoch);
        if (message.resetFrom != null && message.resetFrom.length)
            for (let i = 0; i < message.resetFrom.length; ++i)
                writer.uint32(66).string(message.resetFrom[i]);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    Configuration.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, key, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.Configuration();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 2)
                        break;
                    if (!(message.voters && message.voters.length))
                        message.voters = [];
                    message.voters.push(reader.stringVerify());
                    continue;
                }
            case 2: {
                    if (wireType !== 2)
                        break;
                    if (!(message.outgoing && message.outgoing.length))
                        message.outgoing = [];
                    message.outgoing.push(reader.stringVerify());
                    continue;
                }
            case 3: {
                    if (wireType !== 2)
                        break;
                    if (!(message.learners && message.learners.length))
                        message.learners = [];
                    message.learners.push(reader.stringVerify());
                    continue;
                }
            case 4: {
                    if (wireType !== 2)
                        break;
                    if (!(message.learnersNext && message.learnersNext.length))
                        message.learnersNext = [];
                    message.learnersNext.push(reader.stringVerify());
                    continue;
                }
            case 5: {
                    if (wireType !== 2)
                        break;
                    if (message.addresses === $util.emptyObject)
                        message.addresses = {};
                    let end2 = reader.size() + reader.pos;
                    if (end2 > reader.len)
                        throw $RangeError("index out of range");
                    reader.len = end2;
                    key = "";
                    value = null;
                    while (reader.pos < end2) {
                        let tag2 = reader.tag();
                        wireType = tag2 & 7;
                        switch (tag2 >>>= 3) {
                        case 1:
                            if (wireType !== 2)
                                break;
                            key = reader.stringVerify();
                            continue;
                        case 2:
                            if (wireType !== 2)
                                break;
                            value = $root.Address.decode(reader, reader.size(), $undefined, _depth + 1, value);
                            continue;
                        }
                        reader.skipType(wireType, _depth, tag2);
                    }
                    if (reader.pos !== end2)
                        throw $RangeError("index out of range");
                    reader.len = end;
                    if (key === "__proto__")
                        $util.makeProp(message.addresses, key);
                    message.addresses[key] = value || new $root.Address();
                    continue;
                }
            case 6: {
                    if (wireType !== 2)
                        break;
                    message.goal = $root.Aim.decode(reader, reader.size(), $undefined, _depth + 1, message.goal);
                    continue;
                }
            case 7: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.epoch = value;
                    else
                        delete message.epoch;
                    continue;
                }
            case 8: {
                    if (wireType !== 2)
                        break;
                    if (!(message.resetFrom && message.resetFrom.length))
                        message.resetFrom = [];
                    message.resetFrom.push(reader.stringVerify());
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return Configuration;
})();

export const EntryKind = $root.EntryKind = (() => {
    const valuesById = $Object.create(null), values = $Object.create(valuesById);
    values[valuesById[0] = "UNKNOWN"] = 0;
    values[valuesById[1] = "NOOP"] = 1;
    values[valuesById[2] = "COMMAND"] = 2;
    values[valuesById[3] = "CONFIGURATION"] = 3;
    return values;
})();

export const Entry = $root.Entry = (() => {

    const Entry = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    Entry.prototype.term = 0;
    Entry.prototype.time = 0;
    Entry.prototype.kind = 0;
    Entry.prototype.data = $util.newBuffer([]);

    Entry.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.term != null && $Object.hasOwnProperty.call(message, "term") && !$Object.is(message.term, 0))
            writer.uint32(9).double(message.term);
        if (message.time != null && $Object.hasOwnProperty.call(message, "time") && !$Object.is(message.time, 0))
            writer.uint32(17).double(message.time);
        if (message.kind != null && $Object.hasOwnProperty.call(message, "kind") && message.kind !== 0)
            writer.uint32(24).int32(message.kind);
        if (message.data != null && $Object.hasOwnProperty.call(message, "data") && message.data.length)
            writer.uint32(34).bytes(message.data);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    Entry.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.Entry();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.term = value;
                    else
                        delete message.term;
                    continue;
                }
            case 2: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.time = value;
                    else
                        delete message.time;
                    continue;
                }
            case 3: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.int32())
                        message.kind = value;
                    else
                        delete message.kind;
                    continue;
                }
            case 4: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.bytes()).length)
                        message.data = value;
                    else
                        delete message.data;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return Entry;
})();

export const VoteRequest = $root.VoteRequest = (() => {

    const VoteRequest = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    VoteRequest.prototype.term = 0;
    VoteRequest.prototype.preVote = false;
    VoteRequest.prototype.lastIndex = 0;
    VoteRequest.prototype.lastTerm = 0;
    VoteRequest.prototype.transfer = false;

    VoteRequest.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.term != null && $Object.hasOwnProperty.call(message, "term") && !$Object.is(message.term, 0))
            writer.uint32(9).double(message.term);
        if (message.preVote != null && $Object.hasOwnProperty.call(message, "preVote") && message.preVote !== false)
            writer.uint32(16).bool(message.preVote);
        if (message.lastIndex != null && $Object.hasOwnProperty.call(message, "lastIndex") && !$Object.is(message.lastIndex, 0))
            writer.uint32(25).double(message.lastIndex);
        if (message.lastTerm != null && $Object.hasOwnProperty.call(message, "lastTerm") && !$Object.is(message.lastTerm, 0))
            writer.uint32(33).double(message.lastTerm);
        if (message.transfer != null && $Object.hasOwnProperty.call(message, "transfer") && message.transfer !== false)
            writer.uint32(40).bool(message.transfer);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    VoteRequest.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.VoteRequest();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.term = value;
                    else
                        delete message.term;
                    continue;
                }
            case 2: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.bool())
                        message.preVote = value;
                    else
                        delete message.preVote;
                    continue;
                }
            case 3: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.lastIndex = value;
                    else
                        delete message.lastIndex;
                    continue;
                }
            case 4: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.lastTerm = value;
                    else
                        delete message.lastTerm;
                    continue;
                }
            case 5: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.bool())
                        message.transfer = value;
                    else
                        delete message.transfer;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return VoteRequest;
})();

export const VoteReply = $root.VoteReply = (() => {

    const VoteReply = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    VoteReply.prototype.term = 0;
    VoteReply.prototype.preVote = false;
    VoteReply.prototype.granted = false;

    VoteReply.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.term != null && $Object.hasOwnProperty.call(message, "term") && !$Object.is(message.term, 0))
            writer.uint32(9).double(message.term);
        if (message.preVote != null && $Object.hasOwnProperty.call(message, "preVote") && message.preVote !== false)
            writer.uint32(16).bool(message.preVote);
        if (message.granted != null && $Object.hasOwnProperty.call(message, "granted") && message.granted !== false)
            writer.uint32(24).bool(message.granted);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    VoteReply.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.VoteReply();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.term = value;
                    else
                        delete message.term;
                    continue;
                }
            case 2: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.bool())
                        message.preVote = value;
                    else
                        delete message.preVote;
                    continue;
                }
            case 3: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.bool())
                        message.granted = value;
                    else
                        delete message.granted;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return VoteReply;
})();

export const AppendRequest = $root.AppendRequest = (() => {

    const AppendRequest = function (properties) {
        this.entries = [];
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    AppendRequest.prototype.term = 0;
    AppendRequest.prototype.prevIndex = 0;
    AppendRequest.prototype.prevTerm = 0;
    AppendRequest.prototype.entries = $util.emptyArray;
    AppendRequest.prototype.commit = 0;
    AppendRequest.prototype.repairThrough = 0;
    AppendRequest.prototype.session = 0;

    AppendRequest.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.term != null && $Object.hasOwnProperty.call(message, "term") && !$Object.is(message.term, 0))
            writer.uint32(9).double(message.term);
        if (message.prevIndex != null && $Object.hasOwnProperty.call(message, "prevIndex") && !$Object.is(message.prevIndex, 0))
            writer.uint32(17).double(message.prevIndex);
        if (message.prevTerm != null && $Object.hasOwnProperty.call(message, "prevTerm") && !$Object.is(message.prevTerm, 0))
            writer.uint32(25).double(message.prevTerm);
        if (message.entries != null && message.entries.length)
            for (let i = 0; i < message.entries.length; ++i)
                $root.Entry.encode(message.entries[i], writer.uint32(34).fork(), _depth + 1).ldelim();
        if (message.commit != null && $Object.hasOwnProperty.call(message, "commit") && !$Object.is(message.commit, 0))
            writer.uint32(41).double(message.commit);
        if (message.repairThrough != null && $Object.hasOwnProperty.call(message, "repairThrough") && !$Object.is(message.repairThrough, 0))
            writer.uint32(49).double(message.repairThrough);
        if (message.session != null && $Object.hasOwnProperty.call(message, "session") && !$Object.is(message.session, 0))
            writer.uint32(57).double(message.session);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    AppendRequest.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.AppendRequest();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.term = value;
                    else
                        delete message.term;
                    continue;
                }
            case 2: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.prevIndex = value;
                    else
                        delete message.prevIndex;
                    continue;
                }
            case 3: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.prevTerm = value;
                    else
                        delete message.prevTerm;
                    continue;
                }
            case 4: {
                    if (wireType !== 2)
                        break;
                    if (!(message.entries && message.entries.length))
                        message.entries = [];
                    message.entries.push($root.Entry.decode(reader, reader.size(), $undefined, _depth + 1));
                    continue;
                }
            case 5: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.commit = value;
                    else
                        delete message.commit;
                    continue;
                }
            case 6: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.repairThrough = value;
                    else
                        delete message.repairThrough;
                    continue;
                }
            case 7: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.session = value;
                    else
                        delete message.session;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return AppendRequest;
})();

export const AppendReply = $root.AppendReply = (() => {

    const AppendReply = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    AppendReply.prototype.term = 0;
    AppendReply.prototype.accepted = false;
    AppendReply.prototype.index = 0;
    AppendReply.prototype.hintIndex = 0;
    AppendReply.prototype.hintTerm = 0;
    AppendReply.prototype.whole = false;
    AppendReply.prototype.session = 0;

    AppendReply.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.term != null && $Object.hasOwnProperty.call(message, "term") && !$Object.is(message.term, 0))
            writer.uint32(9).double(message.term);
        if (message.accepted != null && $Object.hasOwnProperty.call(message, "accepted") && message.accepted !== false)
            writer.uint32(16).bool(message.accepted);
        if (message.index != null && $Object.hasOwnProperty.call(message, "index") && !$Object.is(message.index, 0))
            writer.uint32(25).double(message.index);
        if (message.hintIndex != null && $Object.hasOwnProperty.call(message, "hintIndex") && !$Object.is(message.hintIndex, 0))
            writer.uint32(33).double(message.hintIndex);
        if (message.hintTerm != null && $Object.hasOwnProperty.call(message, "hintTerm") && !$Object.is(message.hintTerm, 0))
            writer.uint32(41).double(message.hintTerm);
        if (message.whole != null && $Object.hasOwnProperty.call(message, "whole") && message.whole !== false)
            writer.uint32(48).bool(message.whole);
        if (message.session != null && $Object.hasOwnProperty.call(message, "session") && !$Object.is(message.session, 0))
            writer.uint32(57).double(message.session);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    AppendReply.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.AppendReply();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.term = value;
                    else
                        delete message.term;
                    continue;
                }
            case 2: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.bool())
                        message.accepted = value;
                    else
                        delete message.accepted;
                    continue;
                }
            case 3: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.index = value;
                    else
                        delete message.index;
                    continue;
                }
            case 4: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.hintIndex = value;
                    else
                        delete message.hintIndex;
                    continue;
                }
            case 5: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.hintTerm = value;
                    else
                        delete message.hintTerm;
                    continue;
                }
            case 6: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.bool())
                        message.whole = value;
                    else
                        delete message.whole;
                    continue;
                }
            case 7: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.session = value;
                    else
                        delete message.session;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return AppendReply;
})();

export const HeartbeatRequest = $root.HeartbeatRequest = (() => {

    const HeartbeatRequest = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    HeartbeatRequest.prototype.term = 0;
    HeartbeatRequest.prototype.commit = 0;
    HeartbeatRequest.prototype.round = 0;
    HeartbeatRequest.prototype.sentAt = 0;
    HeartbeatRequest.prototype.acknowledged = 0;
    HeartbeatRequest.prototype.rest = false;

    HeartbeatRequest.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.term != null && $Object.hasOwnProperty.call(message, "term") && !$Object.is(message.term, 0))
            writer.uint32(9).double(message.term);
        if (message.commit != null && $Object.hasOwnProperty.call(message, "commit") && !$Object.is(message.commit, 0))
            writer.uint32(17).double(message.commit);
        if (message.round != null && $Object.hasOwnProperty.call(message, "round") && !$Object.is(message.round, 0))
            writer.uint32(25).double(message.round);
        if (message.sentAt != null && $Object.hasOwnProperty.call(message, "sentAt") && !$Object.is(message.sentAt, 0))
            writer.uint32(33).double(message.sentAt);
        if (message.acknowledged != null && $Object.hasOwnProperty.call(message, "acknowledged") && !$Object.is(message.acknowledged, 0))
            writer.uint32(41).double(message.acknowledged);
        if (message.rest != null && $Object.hasOwnProperty.call(message, "rest") && message.rest !== false)
            writer.uint32(48).bool(message.rest);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    HeartbeatRequest.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.HeartbeatRequest();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.term = value;
                    else
                        delete message.term;
                    continue;
                }
            case 2: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.commit = value;
                    else
                        delete message.commit;
                    continue;
                }
            case 3: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.round = value;
                    else
                        delete message.round;
                    continue;
                }
            case 4: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.sentAt = value;
                    else
                        delete message.sentAt;
                    continue;
                }
            case 5: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.acknowledged = value;
                    else
                        delete message.acknowledged;
                    continue;
                }
            case 6: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.bool())
                        message.rest = value;
                    else
                        delete message.rest;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return HeartbeatRequest;
})();

export const HeartbeatReply = $root.HeartbeatReply = (() => {

    const HeartbeatReply = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    HeartbeatReply.prototype.term = 0;
    HeartbeatReply.prototype.round = 0;
    HeartbeatReply.prototype.sentAt = 0;
    HeartbeatReply.prototype.lastIndex = 0;
    HeartbeatReply.prototype.whole = false;
    HeartbeatReply.prototype.isShort = false;
    HeartbeatReply.prototype.rests = false;

    HeartbeatReply.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.term != null && $Object.hasOwnProperty.call(message, "term") && !$Object.is(message.term, 0))
            writer.uint32(9).double(message.term);
        if (message.round != null && $Object.hasOwnProperty.call(message, "round") && !$Object.is(message.round, 0))
            writer.uint32(17).double(message.round);
        if (message.sentAt != null && $Object.hasOwnProperty.call(message, "sentAt") && !$Object.is(message.sentAt, 0))
            writer.uint32(25).double(message.sentAt);
        if (message.lastIndex != null && $Object.hasOwnProperty.call(message, "lastIndex") && !$Object.is(message.lastIndex, 0))
            writer.uint32(33).double(message.lastIndex);
        if (message.whole != null && $Object.hasOwnProperty.call(message, "whole") && message.whole !== false)
            writer.uint32(40).bool(message.whole);
        if (message.isShort != null && $Object.hasOwnProperty.call(message, "isShort") && message.isShort !== false)
            writer.uint32(48).bool(message.isShort);
        if (message.rests != null && $Object.hasOwnProperty.call(message, "rests") && message.rests !== false)
            writer.uint32(56).bool(message.rests);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    HeartbeatReply.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.HeartbeatReply();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.term = value;
                    else
                        delete message.term;
                    continue;
                }
            case 2: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.round = value;
                    else
                        delete message.round;
                    continue;
                }
            case 3: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.sentAt = value;
                    else
                        delete message.sentAt;
                    continue;
                }
            case 4: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.lastIndex = value;
                    else
                        delete message.lastIndex;
                    continue;
                }
            case 5: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.bool())
                        message.whole = value;
                    else
                        delete message.whole;
                    continue;
                }
            case 6: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.bool())
                        message.isShort = value;
                    else
                        delete message.isShort;
                    continue;
                }
            case 7: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.bool())
                        message.rests = value;
                    else
                        delete message.rests;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return HeartbeatReply;
})();

export const Beats = $root.Beats = (() => {

    const Beats = function (properties) {
        this.beats = [];
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    Beats.prototype.beats = $util.emptyArray;

    Beats.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.beats != null && message.beats.length)
            for (let i = 0; i < message.beats.length; ++i)
                $root.Beat.encode(message.beats[i], writer.uint32(10).fork(), _depth + 1).ldelim();
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    Beats.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.Beats();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 2)
                        break;
                    if (!(message.beats && message.beats.length))
                        message.beats = [];
                    message.beats.push($root.Beat.decode(reader, reader.size(), $undefined, _depth + 1));
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return Beats;
})();

export const Beat = $root.Beat = (() => {

    const Beat = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    Beat.prototype.group = "";
    Beat.prototype.request = null;
    Beat.prototype.reply = null;

    Beat.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.group != null && $Object.hasOwnProperty.call(message, "group") && message.group !== "")
            writer.uint32(10).string(message.group);
        if (message.request != null && $Object.hasOwnProperty.call(message, "request"))
            $root.HeartbeatRequest.encode(message.request, writer.uint32(18).fork(), _depth + 1).ldelim();
        if (message.reply != null && $Object.hasOwnProperty.call(message, "reply"))
            $root.HeartbeatReply.encode(message.reply, writer.uint32(26).fork(), _depth + 1).ldelim();
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    Beat.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.Beat();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.group = value;
                    else
                        delete message.group;
                    continue;
                }
            case 2: {
                    if (wireType !== 2)
                        break;
                    message.request = $root.HeartbeatRequest.decode(reader, reader.size(), $undefined, _depth + 1, message.request);
                    continue;
                }
            case 3: {
                    if (wireType !== 2)
                        break;
                    message.reply = $root.HeartbeatReply.decode(reader, reader.size(), $undefined, _depth + 1, message.reply);
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return Beat;
})();

export const SnapshotPosition = $root.SnapshotPosition = (() => {

    const SnapshotPosition = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    SnapshotPosition.prototype.index = 0;
    SnapshotPosition.prototype.term = 0;
    SnapshotPosition.prototype.configuration = null;

    SnapshotPosition.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.index != null && $Object.hasOwnProperty.call(message, "index") && !$Object.is(message.index, 0))
            writer.uint32(9).double(message.index);
        if (message.term != null && $Object.hasOwnProperty.call(message, "term") && !$Object.is(message.term, 0))
            writer.uint32(17).double(message.term);
        if (message.configuration != null && $Object.hasOwnProperty.call(message, "configuration"))
            $root.Configuration.encode(message.configuration, writer.uint32(26).fork(), _depth + 1).ldelim();
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    SnapshotPosition.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.SnapshotPosition();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.index = value;
                    else
                        delete message.index;
                    continue;
                }
            case 2: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.term = value;
                    else
                        delete message.term;
                    continue;
                }
            case 3: {
                    if (wireType !== 2)
                        break;
                    message.configuration = $root.Configuration.decode(reader, reader.size(), $undefined, _depth + 1, message.configuration);
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return SnapshotPosition;
})();

export const SnapshotChunk = $root.SnapshotChunk = (() => {

    const SnapshotChunk = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    SnapshotChunk.prototype.term = 0;
    SnapshotChunk.prototype.snapshot = null;
    SnapshotChunk.prototype.id = "";
    SnapshotChunk.prototype.totalBytes = 0;
    SnapshotChunk.prototype.offset = 0;
    SnapshotChunk.prototype.bytes = $util.newBuffer([]);
    SnapshotChunk.prototype.checksum = 0;
    SnapshotChunk.prototype.repairThrough = 0;
    SnapshotChunk.prototype.session = 0;

    SnapshotChunk.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.term != null && $Object.hasOwnProperty.call(message, "term") && !$Object.is(message.term, 0))
            writer.uint32(9).double(message.term);
        if (message.snapshot != null && $Object.hasOwnProperty.call(message, "snapshot"))
            $root.SnapshotPosition.encode(message.snapshot, writer.uint32(18).fork(), _depth + 1).ldelim();
        if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
            writer.uint32(26).string(message.id);
        if (message.totalBytes != null && $Object.hasOwnProperty.call(message, "totalBytes") && !$Object.is(message.totalBytes, 0))
            writer.uint32(33).double(message.totalBytes);
        if (message.offset != null && $Object.hasOwnProperty.call(message, "offset") && !$Object.is(message.offset, 0))
            writer.uint32(41).double(message.offset);
        if (message.bytes != null && $Object.hasOwnProperty.call(message, "bytes") && message.bytes.length)
            writer.uint32(50).bytes(message.bytes);
        if (message.checksum != null && $Object.hasOwnProperty.call(message, "checksum") && message.checksum !== 0)
            writer.uint32(56).uint32(message.checksum);
        if (message.repairThrough != null && $Object.hasOwnProperty.call(message, "repairThrough") && !$Object.is(message.repairThrough, 0))
            writer.uint32(65).double(message.repairThrough);
        if (message.session != null && $Object.hasOwnProperty.call(message, "session") && !$Object.is(message.session, 0))
            writer.uint32(73).double(message.session);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    SnapshotChunk.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.SnapshotChunk();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.term = value;
                    else
                        delete message.term;
                    continue;
                }
            case 2: {
                    if (wireType !== 2)
                        break;
                    message.snapshot = $root.SnapshotPosition.decode(reader, reader.size(), $undefined, _depth + 1, message.snapshot);
                    continue;
                }
            case 3: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.id = value;
                    else
                        delete message.id;
                    continue;
                }
            case 4: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.totalBytes = value;
                    else
                        delete message.totalBytes;
                    continue;
                }
            case 5: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.offset = value;
                    else
                        delete message.offset;
                    continue;
                }
            case 6: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.bytes()).length)
                        message.bytes = value;
                    else
                        delete message.bytes;
                    continue;
                }
            case 7: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.uint32())
                        message.checksum = value;
                    else
                        delete message.checksum;
                    continue;
                }
            case 8: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.repairThrough = value;
                    else
                        delete message.repairThrough;
                    continue;
                }
            case 9: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.session = value;
                    else
                        delete message.session;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return SnapshotChunk;
})();

export const SnapshotReply = $root.SnapshotReply = (() => {

    const SnapshotReply = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    SnapshotReply.prototype.term = 0;
    SnapshotReply.prototype.id = "";
    SnapshotReply.prototype.received = 0;
    SnapshotReply.prototype.installedIndex = 0;
    SnapshotReply.prototype.whole = false;
    SnapshotReply.prototype.session = 0;

    SnapshotReply.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.term != null && $Object.hasOwnProperty.call(message, "term") && !$Object.is(message.term, 0))
            writer.uint32(9).double(message.term);
        if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
            writer.uint32(18).string(message.id);
        if (message.received != null && $Object.hasOwnProperty.call(message, "received") && !$Object.is(message.received, 0))
            writer.uint32(25).double(message.received);
        if (message.installedIndex != null && $Object.hasOwnProperty.call(message, "installedIndex") && !$Object.is(message.installedIndex, 0))
            writer.uint32(33).double(message.installedIndex);
        if (message.whole != null && $Object.hasOwnProperty.call(message, "whole") && message.whole !== false)
            writer.uint32(40).bool(message.whole);
        if (message.session != null && $Object.hasOwnProperty.call(message, "session") && !$Object.is(message.session, 0))
            writer.uint32(49).double(message.session);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    SnapshotReply.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.SnapshotReply();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.term = value;
                    else
                        delete message.term;
                    continue;
                }
            case 2: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.id = value;
                    else
                        delete message.id;
                    continue;
                }
            case 3: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.received = value;
                    else
                        delete message.received;
                    continue;
                }
            case 4: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.installedIndex = value;
                    else
                        delete message.installedIndex;
                    continue;
                }
            case 5: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.bool())
                        message.whole = value;
                    else
                        delete message.whole;
                    continue;
                }
            case 6: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.session = value;
                    else
                        delete message.session;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return SnapshotReply;
})();

export const ReadIndexRequest = $root.ReadIndexRequest = (() => {

    const ReadIndexRequest = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    ReadIndexRequest.prototype.term = 0;
    ReadIndexRequest.prototype.id = 0;

    ReadIndexRequest.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.term != null && $Object.hasOwnProperty.call(message, "term") && !$Object.is(message.term, 0))
            writer.uint32(9).double(message.term);
        if (message.id != null && $Object.hasOwnProperty.call(message, "id") && !$Object.is(message.id, 0))
            writer.uint32(17).double(message.id);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    ReadIndexRequest.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.ReadIndexRequest();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.term = value;
                    else
                        delete message.term;
                    continue;
                }
            case 2: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.id = value;
                    else
                        delete message.id;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return ReadIndexRequest;
})();

export const ReadIndexReply = $root.ReadIndexReply = (() => {

    const ReadIndexReply = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    ReadIndexReply.prototype.term = 0;
    ReadIndexReply.prototype.id = 0;
    ReadIndexReply.prototype.index = 0;

    ReadIndexReply.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.term != null && $Object.hasOwnProperty.call(message, "term") && !$Object.is(message.term, 0))
            writer.uint32(9).double(message.term);
        if (message.id != null && $Object.hasOwnProperty.call(message, "id") && !$Object.is(message.id, 0))
            writer.uint32(17).double(message.id);
        if (message.index != null && $Object.hasOwnProperty.call(message, "index") && !$Object.is(message.index, 0))
            writer.uint32(25).double(message.index);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    ReadIndexReply.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.ReadIndexReply();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.term = value;
                    else
                        delete message.term;
                    continue;
                }
            case 2: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.id = value;
                    else
                        delete message.id;
                    continue;
                }
            case 3: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.index = value;
                    else
                        delete message.index;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return ReadIndexReply;
})();

export const TimeoutNow = $root.TimeoutNow = (() => {

    const TimeoutNow = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    TimeoutNow.prototype.term = 0;

    TimeoutNow.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.term != null && $Object.hasOwnProperty.call(message, "term") && !$Object.is(message.term, 0))
            writer.uint32(9).double(message.term);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    TimeoutNow.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.TimeoutNow();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.term = value;
                    else
                        delete message.term;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return TimeoutNow;
})();

export const ForwardRequest = $root.ForwardRequest = (() => {

    const ForwardRequest = function (properties) {
        this.commands = [];
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    ForwardRequest.prototype.id = 0;
    ForwardRequest.prototype.commands = $util.emptyArray;

    ForwardRequest.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.id != null && $Object.hasOwnProperty.call(message, "id") && !$Object.is(message.id, 0))
            writer.uint32(9).double(message.id);
        if (message.commands != null && message.commands.length)
            for (let i = 0; i < message.commands.length; ++i)
                writer.uint32(18).bytes(message.commands[i]);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    ForwardRequest.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.ForwardRequest();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.id = value;
                    else
                        delete message.id;
                    continue;
                }
            case 2: {
                    if (wireType !== 2)
                        break;
                    if (!(message.commands && message.commands.length))
                        message.commands = [];
                    message.commands.push(reader.bytes());
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return ForwardRequest;
})();

export const ForwardReply = $root.ForwardReply = (() => {

    const ForwardReply = function (properties) {
        this.answers = [];
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    ForwardReply.prototype.id = 0;
    ForwardReply.prototype.answers = $util.emptyArray;

    ForwardReply.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.id != null && $Object.hasOwnProperty.call(message, "id") && !$Object.is(message.id, 0))
            writer.uint32(9).double(message.id);
        if (message.answers != null && message.answers.length)
            for (let i = 0; i < message.answers.length; ++i)
                writer.uint32(18).string(message.answers[i]);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    ForwardReply.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.ForwardReply();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.id = value;
                    else
                        delete message.id;
                    continue;
                }
            case 2: {
                    if (wireType !== 2)
                        break;
                    if (!(message.answers && message.answers.length))
                        message.answers = [];
                    message.answers.push(reader.stringVerify());
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return ForwardReply;
})();

export const QueryRequest = $root.QueryRequest = (() => {

    const QueryRequest = function (properties) {
        this.queries = [];
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    QueryRequest.prototype.id = 0;
    QueryRequest.prototype.queries = $util.emptyArray;

    QueryRequest.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.id != null && $Object.hasOwnProperty.call(message, "id") && !$Object.is(message.id, 0))
            writer.uint32(9).double(message.id);
        if (message.queries != null && message.queries.length)
            for (let i = 0; i < message.queries.length; ++i)
                writer.uint32(18).string(message.queries[i]);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    QueryRequest.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.QueryRequest();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.id = value;
                    else
                        delete message.id;
                    continue;
                }
            case 2: {
                    if (wireType !== 2)
                        break;
                    if (!(message.queries && message.queries.length))
                        message.queries = [];
                    message.queries.push(reader.stringVerify());
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return QueryRequest;
})();

export const QueryReply = $root.QueryReply = (() => {

    const QueryReply = function (properties) {
        this.answers = [];
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    QueryReply.prototype.id = 0;
    QueryReply.prototype.answers = $util.emptyArray;

    QueryReply.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.id != null && $Object.hasOwnProperty.call(message, "id") && !$Object.is(message.id, 0))
            writer.uint32(9).double(message.id);
        if (message.answers != null && message.answers.length)
            for (let i = 0; i < message.answers.length; ++i)
                writer.uint32(18).string(message.answers[i]);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    QueryReply.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.QueryReply();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.id = value;
                    else
                        delete message.id;
                    continue;
                }
            case 2: {
                    if (wireType !== 2)
                        break;
                    if (!(message.answers && message.answers.length))
                        message.answers = [];
                    message.answers.push(reader.stringVerify());
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return QueryReply;
})();

export const StateReport = $root.StateReport = (() => {

    const StateReport = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    StateReport.prototype.index = 0;
    StateReport.prototype.hash = "";
    StateReport.prototype.appliedIndex = 0;
    StateReport.prototype.stuckAt = 0;

    StateReport.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.index != null && $Object.hasOwnProperty.call(message, "index") && !$Object.is(message.index, 0))
            writer.uint32(9).double(message.index);
        if (message.hash != null && $Object.hasOwnProperty.call(message, "hash") && message.hash !== "")
            writer.uint32(18).string(message.hash);
        if (message.appliedIndex != null && $Object.hasOwnProperty.call(message, "appliedIndex") && !$Object.is(message.appliedIndex, 0))
            writer.uint32(25).double(message.appliedIndex);
        if (message.stuckAt != null && $Object.hasOwnProperty.call(message, "stuckAt") && !$Object.is(message.stuckAt, 0))
            writer.uint32(33).double(message.stuckAt);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    StateReport.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.StateReport();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.index = value;
                    else
                        delete message.index;
                    continue;
                }
            case 2: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.hash = value;
                    else
                        delete message.hash;
                    continue;
                }
            case 3: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.appliedIndex = value;
                    else
                        delete message.appliedIndex;
                    continue;
                }
            case 4: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.stuckAt = value;
                    else
                        delete message.stuckAt;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return StateReport;
})();

export const StateParted = $root.StateParted = (() => {

    const StateParted = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    StateParted.prototype.index = 0;
    StateParted.prototype.hash = "";

    StateParted.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.index != null && $Object.hasOwnProperty.call(message, "index") && !$Object.is(message.index, 0))
            writer.uint32(9).double(message.index);
        if (message.hash != null && $Object.hasOwnProperty.call(message, "hash") && message.hash !== "")
            writer.uint32(18).string(message.hash);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    StateParted.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.StateParted();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.index = value;
                    else
                        delete message.index;
                    continue;
                }
            case 2: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.hash = value;
                    else
                        delete message.hash;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return StateParted;
})();

export const StateRequest = $root.StateRequest = (() => {

    const StateRequest = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    StateRequest.prototype.index = 0;
    StateRequest.prototype.id = "";
    StateRequest.prototype.offset = 0;

    StateRequest.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.index != null && $Object.hasOwnProperty.call(message, "index") && !$Object.is(message.index, 0))
            writer.uint32(9).double(message.index);
        if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
            writer.uint32(18).string(message.id);
        if (message.offset != null && $Object.hasOwnProperty.call(message, "offset") && !$Object.is(message.offset, 0))
            writer.uint32(25).double(message.offset);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    StateRequest.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.StateRequest();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.index = value;
                    else
                        delete message.index;
                    continue;
                }
            case 2: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.id = value;
                    else
                        delete message.id;
                    continue;
                }
            case 3: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.offset = value;
                    else
                        delete message.offset;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return StateRequest;
})();

export const StatePiece = $root.StatePiece = (() => {

    const StatePiece = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    StatePiece.prototype.index = 0;
    StatePiece.prototype.term = 0;
    StatePiece.prototype.id = "";
    StatePiece.prototype.totalBytes = 0;
    StatePiece.prototype.offset = 0;
    StatePiece.prototype.bytes = $util.newBuffer([]);
    StatePiece.prototype.checksum = 0;

    StatePiece.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.index != null && $Object.hasOwnProperty.call(message, "index") && !$Object.is(message.index, 0))
            writer.uint32(9).double(message.index);
        if (message.term != null && $Object.hasOwnProperty.call(message, "term") && !$Object.is(message.term, 0))
            writer.uint32(17).double(message.term);
        if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
            writer.uint32(26).string(message.id);
        if (message.totalBytes != null && $Object.hasOwnProperty.call(message, "totalBytes") && !$Object.is(message.totalBytes, 0))
            writer.uint32(33).double(message.totalBytes);
        if (message.offset != null && $Object.hasOwnProperty.call(message, "offset") && !$Object.is(message.offset, 0))
            writer.uint32(41).double(message.offset);
        if (message.bytes != null && $Object.hasOwnProperty.call(message, "bytes") && message.bytes.length)
            writer.uint32(50).bytes(message.bytes);
        if (message.checksum != null && $Object.hasOwnProperty.call(message, "checksum") && message.checksum !== 0)
            writer.uint32(56).uint32(message.checksum);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    StatePiece.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.StatePiece();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.index = value;
                    else
                        delete message.index;
                    continue;
                }
            case 2: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.term = value;
                    else
                        delete message.term;
                    continue;
                }
            case 3: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.id = value;
                    else
                        delete message.id;
                    continue;
                }
            case 4: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.totalBytes = value;
                    else
                        delete message.totalBytes;
                    continue;
                }
            case 5: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.offset = value;
                    else
                        delete message.offset;
                    continue;
                }
            case 6: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.bytes()).length)
                        message.bytes = value;
                    else
                        delete message.bytes;
                    continue;
                }
            case 7: {
                    if (wireType !== 0)
                        break;
                    if (value = reader.uint32())
                        message.checksum = value;
                    else
                        delete message.checksum;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return StatePiece;
})();

export {
  $root as default
};
