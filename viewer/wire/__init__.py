"""The renderer on another machine: how its messages travel over two byte streams (ssh, srun, docker exec …).

segments  bytes ⇄ messages, in pieces that may be interleaved
packets   message ⇄ a record (JSON, validated) and its blobs
records   the records themselves: everything that crosses the line
arrays    pictures and maps ⇄ blobs: lossless (zstd), or JPEG and WebP while the view moves
pace      round trip and rate as measured, how much may be under way, how good a picture may be
channel   two threads around a pair of streams: lanes, acknowledgements, heartbeat
greeting  first line of either side: what it is and which version
command   the command that gives the streams: start, what went wrong, end of its whole tree
desk_*    runs over there: questions and answers, who asks (`far_desk`), who answers (`desk_answers`), a line of its own (`desk_link`)

Nothing that arrives is unpickled, and every length is checked before memory is taken for it.
"""
