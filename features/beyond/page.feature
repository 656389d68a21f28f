@phase_0
Feature: The voting page
  A voter sees the page and nothing else of the system. What it says must be so, on good days and on bad ones, whatever the voter uses to
  read and to press.

  @cp_b30
  Rule: B30 The page tells each voter what became of the vote, in a real browser

    Scenario Outline: A vote by <means>
      Given the page, open in a browser
      When a voter votes for "dogs" by <means>
      Then the page says that this vote is counted, with a receipt that the API knows, and the message has the focus
      And exactly that vote is counted
      And the page had no error, broke no policy and asked for nothing elsewhere

      Examples:
        | means        |
        | mouse        |
        | the keyboard |
        | touch        |

    Scenario: A voter in a hurry
      Given the page, open in a browser
      When a voter votes for "dogs" by two quick clicks
      Then the page says that this vote is counted, with a receipt that the API knows
      And exactly that vote is counted

    Scenario: A browser that voted with the page of an earlier release
      Given the page, open in a browser that keeps a vote as the last releases stored it
      Then the page says that this vote is counted, shows its receipt, and offers no other

    Scenario: Accepted is not counted, and a reload finds the vote
      Given the page, open in a browser
      When a voter votes for "cats" while the consumer is frozen
      Then the page says accepted, and not that the vote is counted
      When the page is loaded again
      Then the page says accepted, and not that the vote is counted
      When the consumer goes on counting
      Then the page says that this vote is counted, with a receipt that the API knows
      And exactly that vote is counted

    Scenario: Counting takes longer than usual
      Given the page, open in a browser, with a clock that can be moved
      When a voter votes for "cats" while the consumer is frozen
      And 20 seconds pass in the browser, during which it asks for its receipt
      Then the page says that counting takes longer than usual, and that the vote is safe
      When the consumer goes on counting, and 10 seconds pass in the browser
      Then the page says that this vote is counted, with a receipt that the API knows

    Scenario: Two tabs are one browser
      Given the page, open in two tabs of a browser
      When a voter votes for "cats" in the first tab
      Then the second tab says without a reload that this vote is counted, and offers no other
      And exactly that vote is counted

    Scenario Outline: A reply is lost, and the voter <does>
      Given the page, open in a browser, whose first votes arrive and whose replies are lost
      When a voter votes for "dogs" and <does>
      Then the page says that this vote is counted, with a receipt that the API knows
      And every attempt had the same key
      And exactly that vote is counted

      Examples:
        | does             |
        | waits            |
        | reloads the page |

    Scenario Outline: A bad day: <day>
      Given the page, open in a browser, whose first vote meets <day>
      When the voter votes for "cats"
      Then the page says <words>, and offers <a way on>
      And nothing is counted before the day gets better, and afterwards exactly that vote

      Examples:
        | day               | words                                                                                                       | a way on     |
        | 408               | The connection is too slow: your vote did not arrive in time.                                               | another try  |
        | 403               | The service refused this vote. Reload the page, then vote again.                                            | the form     |
        | 404               | The service does not take votes at this address. Reload the page, then vote again.                          | the form     |
        | 413               | Something on the way changed your vote, and it was refused. Nothing was recorded. Try another network.      | the form     |
        | 422               | This vote was refused: the option is no longer offered, or this browser has voted already. Reload the page. | the form     |
        | 429 for 3 seconds | Too many votes come from your network. Your vote is not recorded yet.                                       | another try  |
        | 503               | The service does not take votes at the moment. Your vote may have arrived all the same.                     | another try  |
        | no network        | You are offline. The page keeps your vote and sends it when you are online again.                           | another try  |
        | no reply for long | This takes longer than usual. Your vote is on its way and counts only once.                                 | nothing else |
        | an older API      | this page says when                                                                                         | nothing else |

    Scenario: The question for the receipt is refused for a time
      Given the page, open in a browser, which must wait 5 seconds before it asks for its receipt again
      When the voter votes for "dogs"
      Then the page says that this vote is counted, with a receipt that the API knows
      And the page had waited as long before it asked for its receipt again

    Scenario Outline: A link that fails: <ends>, <fault>
      Given the page, open in a browser, with links that can fail
      When the voter votes for "cats" while the link between <ends> <fault>
      Then the page says meanwhile: <words>
      When the link works again
      Then the page says that this vote is counted, with a receipt that the API knows
      And the link had failed, and every attempt had the same key
      And exactly that vote is counted

      Examples:
        | ends                     | fault               | words                                                                    |
        | the browser and the API  | is slow             | This takes longer than usual. Your vote is on its way                    |
        | the browser and the API  | is cut in mid-reply | There was no reply. Your vote may have arrived all the same              |
        | the browser and the API  | freezes             | This takes longer than usual. Your vote is on its way                    |
        | the API and Redis        | is cut in mid-reply | The service does not take votes at the moment. Your vote may have arrived |
        | the API and Redis        | freezes             | The service does not take votes at the moment. Your vote may have arrived |
        | the API and the database | freezes             | Your vote for cats is accepted                                           |

    Scenario Outline: A vote that nobody remembers: <what happens>
      Given the page, open in a browser
      When a voter votes for "cats" while the consumer is frozen
      Then the page says accepted, and not that the vote is counted
      When <what happens>
      Then the page says that the vote is no longer remembered, and has not sent it again
      When the page is loaded again
      Then the page says that the vote is no longer remembered, and has not sent it again
      When the voter sends it again, and the consumer goes on counting
      Then the page says that this vote is counted, with a receipt that the API knows
      And every attempt had the same key
      And exactly that vote is counted

      Examples:
        | what happens                                  |
        | the key of the vote reaches the end of its time |
        | Redis loses everything                        |

    Scenario Outline: A browser that keeps nothing, since <why>
      Given the page, open in a browser that keeps nothing, since <why>
      When the voter votes for "dogs" while the API is frozen
      Then the page says that it must stay open until the vote is accepted
      When the API goes on
      Then the page says that this vote is counted, with a receipt that the API knows
      And the page says that the browser keeps nothing, and had no error
      And exactly that vote is counted

      Examples:
        | why                 |
        | its voter forbids it |
        | its storage is full |

    Scenario Outline: The receipt is copied in a browser <how>
      Given the page, open in a browser <how>
      When the voter has voted and presses Copy
      Then the receipt is <where>, and the button says <words>
      And exactly that vote is counted

      Examples:
        | how                                        | where            | words    |
        | that may write to the clipboard            | in the clipboard | Copied   |
        | over plain HTTP, which has no clipboard | selected         | Selected |

    Scenario: Without results a voter can vote
      Given the page, open in a browser, whose results fail
      Then the page says that the results cannot be read
      When the voter votes for "dogs"
      Then the page says that this vote is counted, with a receipt that the API knows

    Scenario: The event stream is cut
      Given the page, open in a browser, whose event stream is cut
      When another voter votes for "cats"
      Then the page says that live updates do not work, and shows the vote all the same

    Scenario: Another voter's vote appears
      Given the page, open in a browser
      When another voter votes for "cats"
      Then the page is live and shows the vote within 3 seconds

    Scenario: The server is frozen
      Given the page, open in a browser, with a clock that can be moved
      When the server is frozen and 30 seconds pass in the browser
      Then the page says how old the results are, and no longer that they are live

    Scenario: The browser's clock is wrong by years
      Given the page, open in a browser, with a clock that is years ahead
      Then the page says that the results are live

    Scenario Outline: Readable <how>
      Given the page, open in a browser, <how>
      Then axe finds nothing wrong, nothing sticks out, and the empty bar is not the brightest thing
      When the voter votes for "dogs"
      Then the page says that this vote is counted, with a receipt that the API knows
      And axe finds nothing wrong, nothing sticks out, and the empty bar is not the brightest thing
      And nothing moved that the voter did not move

      Examples:
        | how                      |
        | in light colors          |
        | in dark colors           |
        | 320 pixels wide          |
        | in dark, 320 pixels wide |
        | on a projector           |

    Scenario: Less motion
      Given the page, open in a browser, with less motion
      Then no bar moves gradually

    Scenario: Names that are long, from right to left, or look like HTML
      Given the page of an API with the longest name, 320 pixels wide, whose results hold strange names
      Then every name is shown as it is, nothing sticks out, and no name became an element

    Scenario: Small and quick
      Given the page, open in a browser with a slow connection
      Then a voter can choose and press within a second, and everything weighs less than 30 kB

    Scenario: A browser that may vote again
      Given the page of an API that allows it, open in a browser
      When a voter votes for "cats", and then again for "dogs"
      Then a browser that may vote again adds a second vote

    Scenario: Without JavaScript
      Given the page, open in a browser without JavaScript
      When a voter votes for "cats" and sends the form again by a reload
      Then the page names the receipt of the accepted vote
      And the vote of the form is counted once, although the form was sent twice

    Scenario Outline: Without JavaScript, <obstacle>
      Given the page of an API with a limit, open in a browser without JavaScript
      When a voter sends a vote for "cats" <obstacle>
      Then the answer is a page with status <status>, which says <words> and keeps the key
      When the obstacle is gone, and the voter chooses cats on that page
      Then the page names the receipt of the accepted vote
      And the vote of the form is counted once, although the form was sent twice

      Examples:
        | obstacle                            | status | words                                         |
        | and the reply of Redis is lost      | 503    | Your vote may have arrived all the same.      |
        | while Redis is away                 | 503    | The service does not take votes at the moment. |
        | when the limit is reached           | 429    | Too many votes come from your network         |
        | and changes it with the Back button | 422    | That vote stands. Its receipt is              |

    Scenario Outline: The page itself cannot be loaded <obstacle>
      Given the page of an API with a limit, open in a browser without JavaScript
      When a voter sends a vote for "cats" <obstacle>
      Then the page itself cannot be loaded then, which it says with status <status> and "<words>"

      Examples:
        | obstacle                  | status | words                                                                               |
        | when the limit is reached | 429    | Too many requests come from your network. Load this page again in                   |
        | while Redis is away       | 503    | The service does not take votes at the moment. Load this page again in a minute.    |
